// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an auditor can read of a trail: the objects of its bucket, and what CloudTrail answers. With
// a running server this goes through its API. With a stopped server the same operations run on its
// directory, as the operator, and nothing is committed.
//
//   const std::unique_ptr<Evidence> evidence = evidence_of(*client);
//   TRY(const TrailReport report, verify_trail(*evidence, trail_arn));
#include <memory>

#include "cli/client.h"
#include "request/ports.h"

namespace sluice::cli {

class Evidence {
 public:
  virtual ~Evidence() = default;
  // A GET of S3. With key "" it is one of the bucket.
  virtual Result<Reply> get(const std::string& bucket, const std::string& key,
                            const std::vector<std::pair<std::string, std::string>>& query) = 0;
  // Calls an operation of CloudTrail.
  virtual Result<json::object> ask(std::string_view operation, const json::object& input) = 0;
  // The store of a stopped server; nullptr when a server runs.
  virtual Store* store() { return nullptr; }
};
std::unique_ptr<Evidence> evidence_of(Client& client);
// `ports` must have the store, the identities, the sessions and the data keys.
std::unique_ptr<Evidence> evidence_of(const Ports& ports);

// What `sluice verify --trail` has found. Each finding is one line for people to read.
struct TrailReport {
  std::vector<std::string> findings, notes;
  size_t digests = 0, files = 0, records = 0;
  size_t waiting = 0;         // how many log files are newer than the newest digest
  std::string logging_since;  // "" when it never logged
};
Result<TrailReport> verify_trail(Evidence& evidence, const std::string& arn);

}  // namespace sluice::cli
