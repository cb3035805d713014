#pragma once
// The audit record of one call, in CloudTrail's event format (CloudTrail User Guide, "CloudTrail
// record contents").
#include <mutex>
#include <unordered_map>

#include "request/ports.h"

namespace sluice {

constexpr size_t kAuditMemberBytesMax =
    100 * 1024;  // requestParameters, responseElements; what is larger is left out, and said to be

// `caller` nullptr: the request did not authenticate. `error` nullptr: success, then `response` is
// what is answered.
json::object audit_record(const Request& request, const Service& service, const Row* row,
                          const Caller* caller, const AuditFacts& facts, const Error* error,
                          const Scope& scope, const Response* response = nullptr);
// The record of each use of a KMS key that the call made on the caller's behalf: by S3 for an
// object, by DynamoDB for a table.
std::vector<json::object> key_use_records(const Request& request, const Service& service,
                                          const Caller& caller, const AuditFacts& facts,
                                          const Scope& scope);

// The eventName of an operation, where it is not the operation's own: Lambda's carry the API's
// date, S3's leave words out.
std::string_view event_name(const Service& service, const Row& row);
// What S3 records besides: Host and x-amz headers of the request, x-amz headers of the answer,
// bytes, signature and encryption; of a bucket its new configuration.
void add_s3_shape(json::object& record, const Request& request, const Row& row,
                  const Response* response);
// What single other services record besides, or otherwise.
void add_shape(json::object& record, const Service& service, const Row& row);

// For `audit` and `audit_result` of operations. What was not sent is not shown; null when nothing
// is left.
json::value shown_fields(
    const Request& request,
    std::initializer_list<std::string_view> names);  // of a form or query, in camel case
json::value shown_members(
    const json::object& body,
    std::initializer_list<std::string_view> names);  // of a JSON body, in camel case
json::value shown_body(const Request& request);      // all of it
// An answer as CloudTrail shows it: in camel case, times (numbers named ...Date, ...DateTime,
// LastModified) in words. Null when it is empty.
json::value shown_answer(const json::object& answer);

// Keeps strangers from filling the disk: the first few failures to authenticate of a source in a
// minute are recorded in full; the rest is counted, and the count is written with the next one
// recorded.
class StrangerLimit {
 public:
  static constexpr int kPerMinute = 10;
  static constexpr size_t kSourcesMax = 10000;
  // nullopt: do not record. Else how many were left out since the last record of this source.
  std::optional<int64_t> admit(const std::string& source_ip, Time time);

 private:
  struct Seen {
    Time minute = 0;
    int count = 0;
    int64_t left_out = 0;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Seen> seen_;
};

}  // namespace sluice
