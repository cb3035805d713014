#pragma once
// The audit record of one call, in CloudTrail's event format (CloudTrail User Guide, "CloudTrail record contents").
#include <mutex>
#include <unordered_map>

#include "request/ports.h"

namespace sluice {

// `caller` nullptr: the request did not authenticate. `error` nullptr: success.
json::object audit_record(const Request& request, const Service& service, const Row* row, const Caller* caller, const AuditFacts& facts, const Error* error, const Scope& scope);

// Keeps strangers from filling the disk: the first few failures to authenticate of a source in a minute are recorded in
// full; the rest is counted, and the count is written with the next one recorded.
class StrangerLimit {
 public:
  static constexpr int kPerMinute = 10;
  static constexpr size_t kSourcesMax = 10000;
  // nullopt: do not record. Else how many were left out since the last record of this source.
  std::optional<int64_t> admit(const std::string& source_ip, Time time);

 private:
  struct Seen { Time minute = 0; int count = 0; int64_t left_out = 0; };
  std::mutex mutex_;
  std::unordered_map<std::string, Seen> seen_;
};

}  // namespace sluice
