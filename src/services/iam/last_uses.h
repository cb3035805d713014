// SPDX-License-Identifier: Apache-2.0
#pragma once
// When a session of each role was used last, for RoleLastUsed. Every request notes it in memory,
// and what is new is written down every few minutes: a write for each call would cost more than
// the call. Source: IAM API Reference, RoleLastUsed.
//
//   uses.note(session, request.time);
//   CHECK(uses.write_down(store));
#include <map>

#include "request/ports.h"
#include "services/iam/records.h"

namespace sluice::iam {

class LastUses {
 public:
  void note(const Session& session, Time at);
  std::optional<Time> of(std::string_view role_id, const Snapshot& snapshot) const;
  // What was noted since it was called last.
  Result<Done> write_down(Store& store);

 private:
  struct Use {
    std::string role_name;
    Time at = 0;
  };
  mutable Mutex mutex_;
  std::map<std::string, Use, std::less<>> noted_ SLUICE_GUARDED_BY(mutex_);  // by the role's id
};

}  // namespace sluice::iam
