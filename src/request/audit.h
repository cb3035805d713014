// SPDX-License-Identifier: Apache-2.0
#pragma once
// Makes the audit record of a call, in the event format of CloudTrail. Source: CloudTrail User
// Guide, "CloudTrail record contents".
//
//   records.push_back(audit_record(request, service, row, &caller, facts, nullptr, scope));
//   auto receipt = store.commit(std::move(staged), std::move(records));
//
//   static json::value audit(const In& in) {   // in an operation: its requestParameters
//     return shown_members(in.body, {"KeyId", "Description"});
//   }
#include <unordered_map>
#include <unordered_set>

#include "request/ports.h"
#include "base/thread_safety.h"

namespace sluice {

constexpr size_t kAuditMemberBytesMax =
    100 * 1024;  // requestParameters, responseElements; what is larger is left out, and said to be
constexpr size_t kDeterminingStatementsMax = 8;  // that a record names

// `caller` is nullptr when the request did not authenticate. `error` is nullptr when the call
// succeeded; `response` is then what is answered.
json::object audit_record(const Request& request, const Service& service, const Row* row,
                          const Caller* caller, const AuditFacts& facts, const Error* error,
                          const Scope& scope, const Response* response = nullptr);
// One record for each use of a KMS key that the call made on the caller's behalf, for example by S3
// for an object or by DynamoDB for a table.
std::vector<json::object> key_use_records(const Request& request, const Service& service,
                                          const Caller& caller, const AuditFacts& facts,
                                          const Scope& scope);

// The eventName of an operation. Mostly it is the operation's name, but Lambda's has the date of
// the API after it, and some of S3's leave words out.
std::string_view event_name(const Service& service, const Row& row);
// Adds what only S3 records: Host and x-amz headers of the request, x-amz headers of the answer,
// bytes, signature and encryption, and the new configuration of a bucket.
void add_s3_shape(json::object& record, const Request& request, const Row& row,
                  const Response* response);
// Adds or changes what single other services record in a way of their own.
void add_shape(json::object& record, const Service& service, const Row& row,
               const Response* response);

// For `audit` and `audit_result` of operations. Names become camel case. What was not sent is not
// shown, and the value is null when nothing is left. These fields of a form or query:
json::value shown_fields(const Request& request, std::initializer_list<std::string_view> names);
// These members of a JSON body:
json::value shown_members(const json::object& body, std::initializer_list<std::string_view> names);
// The whole JSON body:
json::value shown_body(const Request& request);
// An answer as CloudTrail shows it: names in camel case, and times (numbers named ...Date,
// ...DateTime or LastModified) in words. Null when it is empty.
json::value shown_answer(const json::object& answer);

// The record of a request whose signature was not proven. It holds what the head claims, in bounded
// length, because a stranger wrote it. `token_of` is the session whose sealed token the request
// holds, when only the payload was wrong. Otherwise it is nullptr, and the record names the claimed
// key apart from any identity.
json::object stranger_record(const Request& request, const Service& service,
                             const Session* token_of, const Error& error, const Scope& scope);

// Notes in the record that the caller is known by token or signature, but that the body was never
// shown to be what was signed.
void mark_payload_unproven(json::object& record);

// Keeps strangers from filling the disk. Of the failures to authenticate in one minute, the first
// kPerMinute of each source and the first kOfAllPerMinute of all sources get records. The others
// are counted, and the count gets a record of its own.
class StrangerLimit {
 public:
  static constexpr int kPerMinute = 10, kOfAllPerMinute = 1000;
  // How many sources one count can tell apart.
  static constexpr size_t kSourcesMax = 10000;
  struct Unrecorded {
    int64_t failures = 0;
    size_t sources = 0;
    bool more_sources = false;  // there were more than kSourcesMax
    Time since = 0;
  };
  // False: the failure gets no record of its own and was counted.
  bool admit(const std::string& source_ip, Time time);
  // What was counted since this was called last.
  Unrecorded take();

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
