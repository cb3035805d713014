// SPDX-License-Identifier: Apache-2.0
#pragma once
// What Lambda stores: functions, and of each function its resource-based policy and how it is
// invoked asynchronously.
#include "store/record.h"

namespace sluice::lambda {

struct Function {
  static constexpr RecordType record{Family::meta, "lambda.function", 1};
  std::string name, runtime, role, handler, description;
  int64_t timeout_s = 3, memory_mb = 128;
  json::object environment;  // names to texts, in the order they were given
  std::string log_group;
  std::string blob;                 // id of the sealed file with the code, a zip
  std::string wrapped;              // the code's data key, sealed by KMS, in base64
  int64_t code_bytes = 0;           // of the zip
  std::string code_sha256;          // of the zip, in base64
  std::optional<int64_t> reserved;  // its part of the concurrency; nothing: none is reserved
  Time modified = 0;
  std::string revision;  // another one after each change of code or configuration
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Name", &Function::name),
                      member("Runtime", &Function::runtime),
                      member("Role", &Function::role),
                      member("Handler", &Function::handler),
                      member("Description", &Function::description),
                      member("Timeout", &Function::timeout_s),
                      member("Memory", &Function::memory_mb),
                      member("Environment", &Function::environment),
                      member("LogGroup", &Function::log_group),
                      member("Blob", &Function::blob),
                      member("Wrapped", &Function::wrapped),
                      member("CodeSize", &Function::code_bytes),
                      member("CodeSha256", &Function::code_sha256),
                      member("Reserved", &Function::reserved),
                      member("Modified", &Function::modified),
                      member("Revision", &Function::revision)};
  }
  bool operator==(const Function&) const = default;
  BlobRef code() const { return {blob, static_cast<uint64_t>(code_bytes)}; }
};
inline RecordKey<Function> function_key(std::string_view name) { return {name}; }

// A statement of a function's policy. Its members stand in the order in which GetPolicy shows them.
struct Permission {
  std::string sid, effect, action, resource;
  json::value principal;  // "*", or {"Service": name}, or {"AWS": ...}, a role pinned to its id
  json::object condition;
  static constexpr auto members() {
    return std::tuple{member("Sid", &Permission::sid),
                      member("Effect", &Permission::effect),
                      member("Action", &Permission::action),
                      member("Resource", &Permission::resource),
                      member("Principal", &Permission::principal),
                      member("Condition", &Permission::condition)};
  }
  bool operator==(const Permission&) const = default;
};

struct FunctionPolicy {
  static constexpr RecordType record{Family::meta, "lambda.policy", 1};
  std::vector<Permission> statements;  // not empty: a policy goes with its last one
  std::string revision;                // another one after each change
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Statement", &FunctionPolicy::statements),
                      member("Revision", &FunctionPolicy::revision)};
  }
  bool operator==(const FunctionPolicy&) const = default;
};
inline RecordKey<FunctionPolicy> policy_key(std::string_view name) { return {name}; }

struct EventConfig {
  static constexpr RecordType record{Family::meta, "lambda.event-config", 1};
  std::optional<int64_t> retries_max, age_max_s;  // nothing: kRetriesMax and kEventAgeMaxS
  std::string on_failure;  // ARN of the bucket that gets what failed; "": it is dropped
  Time modified = 0;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("MaximumRetryAttempts", &EventConfig::retries_max),
                      member("MaximumEventAgeInSeconds", &EventConfig::age_max_s),
                      member("OnFailure", &EventConfig::on_failure),
                      member("Modified", &EventConfig::modified)};
  }
  bool operator==(const EventConfig&) const = default;
};
inline RecordKey<EventConfig> event_config_key(std::string_view name) { return {name}; }

}  // namespace sluice::lambda
