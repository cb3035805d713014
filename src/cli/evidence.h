// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an auditor can read of a trail: objects of its bucket, answers of CloudTrail. From a running
// server over its API, or from the directory of a stopped one by the same operations, run as the
// operator and never committed.
#include <memory>

#include "cli/client.h"
#include "request/ports.h"

namespace sluice::cli {

class Evidence {
 public:
  virtual ~Evidence() = default;
  virtual Result<Reply> get(const std::string& bucket, const std::string& key,
                            const std::vector<std::pair<std::string, std::string>>&
                                query) = 0;  // S3 GET; key "": of the bucket
  virtual Result<json::object> ask(std::string_view operation,
                                   const json::object& input) = 0;  // CloudTrail
  virtual Store* store() { return nullptr; }                        // of a stopped server
};
std::unique_ptr<Evidence> evidence_of(Client& client);
// `ports` with store, identities, sessions, data keys.
std::unique_ptr<Evidence> evidence_of(const Ports& ports);

// All that `sluice verify --trail` finds wrong, as lines.
struct TrailReport {
  std::vector<std::string> findings, notes;
  size_t digests = 0, files = 0, records = 0;
  size_t waiting = 0;         // log files that are younger than the newest digest
  std::string logging_since;  // "" when it never was
};
Result<TrailReport> verify_trail(Evidence& evidence, const std::string& arn);

}  // namespace sluice::cli
