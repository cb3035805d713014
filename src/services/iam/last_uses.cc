// SPDX-License-Identifier: Apache-2.0
#include "services/iam/last_uses.h"

#include <algorithm>

#include "base/bytes.h"

namespace sluice::iam {

void LastUses::note(const Session& session, Time at) {
  const MutexLock lock(mutex_);
  Use& use = noted_[session.role_id];
  if (use.role_name.empty()) use.role_name = session.role_name;
  use.at = std::max(use.at, at);
}

std::optional<Time> LastUses::of(std::string_view role_id, const Snapshot& snapshot) const {
  std::optional<Time> at;
  if (const auto text = snapshot.get(last_use_key(role_id))) at = parse_int(*text);
  const MutexLock lock(mutex_);
  if (const auto noted = noted_.find(role_id); noted != noted_.end())
    at = std::max(at.value_or(0), noted->second.at);
  return at;
}

Result<Done> LastUses::write_down(Store& store) {
  std::map<std::string, Use, std::less<>> noted;
  {
    const MutexLock lock(mutex_);
    noted = noted_;
  }
  if (noted.empty()) return Done{};
  Staged staged = store.stage();
  for (const auto& [id, use] : noted)
    // A role that is gone takes its last use with it.
    if (const auto role = staged.look(role_key(use.role_name)); role && role->id == id)
      staged.put(last_use_key(id), std::to_string(use.at));
  if (auto written = store.commit(std::move(staged), {}); !written)
    return written.error().code == "Conflict" ? Result<Done>(Done{})  // a role changed: next time
                                              : std::move(written).error();
  const MutexLock lock(mutex_);
  std::erase_if(noted_, [&](const auto& one) {
    const auto written = noted.find(one.first);
    return written != noted.end() && written->second.at == one.second.at;
  });
  return Done{};
}

}  // namespace sluice::iam
