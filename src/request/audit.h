// SPDX-License-Identifier: Apache-2.0
#pragma once
// The audit record of one call, in CloudTrail's event format (CloudTrail User Guide, "CloudTrail
// record contents").
#include <unordered_map>
#include <unordered_set>

#include "request/ports.h"
#include "base/thread_safety.h"

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

// The record of a request whose signature was not proven: what its head claims, bounded, since a
// stranger wrote it. `token_of`: the session whose sealed token the request holds, when nothing but
// its payload failed; else nullptr, and the key it claims stands apart from any identity.
json::object stranger_record(const Request& request, const Service& service,
                             const Session* token_of, const Error& error, const Scope& scope);

// Of a caller who is known by token or signature, while the bytes that came were never shown to be
// what was signed.
void mark_payload_unproven(json::object& record);

// Keeps strangers from filling the disk: of the failures to authenticate in a minute, the first few
// of a source and the first hundred of all are recorded in full; the rest is counted, and the count
// is a record of its own.
class StrangerLimit {
 public:
  static constexpr int kPerMinute = 10, kOfAllPerMinute = 1000;
  static constexpr size_t kSourcesMax = 10000;  // told apart in one count
  struct Unrecorded {
    int64_t failures = 0;
    size_t sources = 0;
    bool more_sources = false;  // than could be told apart
    Time since = 0;
  };
  bool admit(const std::string& source_ip, Time time);  // false: counted instead
  Unrecorded take();                                    // what was counted since the last time

 private:
  Mutex mutex_;
  Time minute_ SLUICE_GUARDED_BY(mutex_) = 0;
  int admitted_ SLUICE_GUARDED_BY(mutex_) = 0;
  // This minute: at most kOfAllPerMinute.
  std::unordered_map<std::string, int> admitted_of_ SLUICE_GUARDED_BY(mutex_);
  std::unordered_set<std::string> unrecorded_sources_ SLUICE_GUARDED_BY(mutex_);
  Unrecorded unrecorded_ SLUICE_GUARDED_BY(mutex_);
};
json::object unrecorded_record(const StrangerLimit::Unrecorded& unrecorded, Time time,
                               const Scope& scope);

}  // namespace sluice
