// SPDX-License-Identifier: Apache-2.0
#pragma once
// What Lambda stores: functions, and for each its resource-based policy and how it is invoked
// asynchronously.
//
//   const std::shared_ptr<const Function> function = snapshot.get(function_key(name));
//   auto policy = staged.get(policy_key(name)).value_or(FunctionPolicy{});
//   policy.statements.push_back(statement);
//   staged.put(policy_key(name), policy);
#include "policy/policy_set.h"
#include "store/record.h"

namespace sluice::lambda {

struct Function {
  static constexpr RecordType record{Family::meta, "lambda.function", 2};
  std::string name, runtime, role, handler, description;
  int64_t timeout_s = 3, memory_mb = 128;
  json::object environment;  // names to texts, in the order they were given
  std::string log_group;
  std::string log_format = "Text";                      // or "JSON"
  std::string application_log_level, system_log_level;  // of the format JSON; "": INFO
  std::string version = "$LATEST";                      // or the number of a published version
  std::vector<std::string> layers;  // ARNs of their versions, the first one lowest
  json::object tags;                // of the function, not of a version
  std::string blob;                 // id of the sealed file with the code, which is a zip
  std::string wrapped;              // the code's data key, sealed by KMS, in base64
  int64_t code_bytes = 0;           // of the zip
  std::string code_sha256;          // of the zip, in base64
  std::optional<int64_t> reserved;  // the concurrency that is reserved for it, if any
  Time modified = 0;
  std::string revision;  // a new one with each change of code or configuration
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
                      member("LogFormat", &Function::log_format),
                      member("ApplicationLogLevel", &Function::application_log_level),
                      member("SystemLogLevel", &Function::system_log_level),
                      member("Version", &Function::version),
                      member("Layers", &Function::layers),
                      member("Tags", &Function::tags),
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

// A statement of a function's policy. Its members are in the order in which GetPolicy shows them.
struct Permission {
  std::string sid, effect, action, resource;
  json::value principal;  // "*", {"Service": name}, or {"AWS": ...} with a role pinned to its id
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
  std::vector<Permission> statements;  // never empty: the policy goes with its last statement
  std::string revision;                // a new one with each change
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Statement", &FunctionPolicy::statements),
                      member("Revision", &FunctionPolicy::revision)};
  }
  policy::Stored<policy::Kind::resource> policy;  // of the statements, as they were read
  void complete();
};
inline RecordKey<FunctionPolicy> policy_key(std::string_view name) { return {name}; }

struct EventConfig {
  static constexpr RecordType record{Family::meta, "lambda.event-config", 1};
  std::optional<int64_t> retries_max, age_max_s;  // without a value: kRetriesMax, kEventAgeMaxS
  std::string on_failure;  // ARN of the bucket for events that failed; "": they are dropped
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
