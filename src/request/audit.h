// SPDX-License-Identifier: Apache-2.0
#pragma once
// Makes the audit record of a call, in the event format of CloudTrail. Source: CloudTrail User
// Guide, "CloudTrail record contents".
//
//   records.push_back(audit_record({request, service, &row, &caller, facts, nullptr}, scope));
//   auto receipt = store.commit(std::move(staged), std::move(records));
//
//   static json::value audit(const In& in) {   // in an operation: its requestParameters
//     return shown_members(in.body, {"KeyId", "Description"});
//   }
#include <unordered_map>
#include <unordered_set>

#include "base/json_writer.h"
#include "request/ports.h"
#include "base/thread_safety.h"

namespace sluice {

constexpr size_t kAuditMemberBytesMax =
    100 * 1024;  // requestParameters, responseElements; what is larger is left out, and said to be
constexpr size_t kDeterminingStatementsMax = 8;  // that a record names

// A call as its record tells it.
struct AuditedCall {
  const Request& request;
  const Service& service;
  const Row* row;        // nullptr: there is no such operation, or nobody has looked
  const Caller* caller;  // nullptr: the request did not authenticate
  const AuditFacts& facts;
  const Error* error;                  // nullptr: it succeeded
  const Response* response = nullptr;  // what is then answered
  // False: the caller is known by token or signature, but the body was never shown to be what was
  // signed, and the record says so.
  bool payload_proven = true;
  // What a stranger says of himself, or the kernel of him.
  std::string claimed_principal = {}, claimed_access_key = {};
};
// The records are JSON, as they are stored. Whatever a stranger has written into a call, they can
// be read back (base/json_writer.h).
std::string audit_record(const AuditedCall& call, const Scope& scope);
// One record for each use of a KMS key that the call made on the caller's behalf, for example by S3
// for an object or by DynamoDB for a table.
std::vector<std::string> key_use_records(const AuditedCall& call, const Scope& scope);

// What a service did by itself: KMS has rotated a key, DynamoDB has deleted expired items.
struct ServiceEvent {
  std::string_view source, name;  // eventSource and eventName
  std::string_view agent;         // sourceIPAddress and userAgent
  json::object user_identity;
  bool read_only;
  Time time;
  std::string resource_type, resource;  // its ARN; "": none
  json::object details;
};
std::string service_event_record(const ServiceEvent& event, const Scope& scope);

// The eventName of an operation. Mostly it is the operation's name, but Lambda's has the date of
// the API after it, and some of S3's leave words out.
std::string_view event_name(const Service& service, const Row& row);
// What single services record in a way of their own (audit_shapes.cc).
void write_request_parameters(JsonWriter& record, const AuditedCall& call);
void write_response_elements(JsonWriter& record, const AuditedCall& call);
void write_own_members(JsonWriter& record, const AuditedCall& call);
void add_own_facts(JsonMembers& additional_event_data, const AuditedCall& call);
// A member of a record, null or what the operation shows. When that is too large it is left out,
// and the record says so. Source: CloudTrail User Guide, "Record contents".
void write_within_limit(JsonWriter& record, std::string_view name, const json::value& value);
// The same for what is JSON already.
void write_within_limit(JsonWriter& record, std::string_view name, const std::string& written);

// For `audit` and `audit_result` of operations. Names become camel case. What was not sent is not
// shown, and the value is null when nothing is left. These fields of a form or query:
json::value shown_fields(const Request& request, std::initializer_list<std::string_view> names);
// These members of a JSON body:
json::value shown_members(const json::object& body, std::initializer_list<std::string_view> names);
// The whole JSON body:
json::value shown_body(const Request& request);
// Takes out what must not be shown: the member `name`, which is in camel case, and the one with a
// capital letter that stands there when both were sent.
void hide_member(json::object& shown, std::string_view name);
// An answer as CloudTrail shows it: names in camel case, and times (numbers named ...Date,
// ...DateTime or LastModified) in words. Null when it is empty.
json::value shown_answer(const json::object& answer);

// The record of a request whose signature was not proven. It holds what the head claims, in bounded
// length, because a stranger wrote it. `token_of` is the session whose sealed token the request
// holds, when only the payload was wrong. Otherwise it is nullptr, and the record names the claimed
// key apart from any identity.
std::string stranger_record(const Request& request, const Service& service, const Session* token_of,
                            const Error& error, const Scope& scope);

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
std::string unrecorded_record(const StrangerLimit::Unrecorded& unrecorded, Time time,
                              const Scope& scope);

}  // namespace sluice
