// SPDX-License-Identifier: Apache-2.0
#pragma once
// What Lambda stores: functions, their versions and aliases, and for each of these its
// resource-based policy and how it is invoked asynchronously.
//
//   const std::shared_ptr<const Function> function = snapshot.get(function_key(name));
//   auto policy = staged.get(policy_key(name)).value_or(FunctionPolicy{});
//   policy.statements.push_back(statement);
//   staged.put(policy_key(name), policy);
#include "policy/policy_set.h"
#include "store/record.h"

namespace sluice::lambda {

struct Function {
  static constexpr RecordType record{Family::meta, "lambda.function", 3};
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
  int64_t unpacked_bytes = 0;       // of what is in it; 0: not known, a version before 3 wrote it
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
                      member("UnpackedSize", &Function::unpacked_bytes),
                      member("CodeSha256", &Function::code_sha256),
                      member("Reserved", &Function::reserved),
                      member("Modified", &Function::modified),
                      member("Revision", &Function::revision)};
  }
  bool operator==(const Function&) const = default;
  BlobRef code() const { return {blob, static_cast<uint64_t>(code_bytes)}; }
};
inline RecordKey<Function> function_key(std::string_view name) { return {name}; }

// A published version: what the function was then. It never changes. The file of its code is also
// that of $LATEST, and of other versions, until their code is changed.
struct Version : Function {
  static constexpr RecordType record{Family::meta, "lambda.version", 1};
};
// `number` is a version's number in decimal digits.
inline RecordKey<Version> version_key(std::string_view name, std::string_view number) {
  constexpr size_t kDigits = 19;
  const std::string sorted = std::string(kDigits - std::min(kDigits, number.size()), '0');
  return {name, sorted + std::string(number)};
}

struct Alias {
  static constexpr RecordType record{Family::meta, "lambda.alias", 1};
  std::string name, version, description;
  std::map<std::string, double> weights;  // of another version, the share of calls that it gets
  std::string revision;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Name", &Alias::name), member("Version", &Alias::version),
                      member("Description", &Alias::description),
                      member("Weights", &Alias::weights), member("Revision", &Alias::revision)};
  }
  bool operator==(const Alias&) const = default;
};
inline RecordKey<Alias> alias_key(std::string_view function, std::string_view name) {
  return {function, name};
}

// What is known of all versions and aliases of a function. Whoever adds, moves or removes one
// writes it, and whoever decides by looking through them reads it with Staged::get, so that the two
// never pass each other. It outlives its function, because a number is never used again.
struct Qualifiers {
  static constexpr RecordType record{Family::meta, "lambda.qualifiers", 1};
  int64_t last = 0;       // the number of the newest version
  std::string described;  // the description of $LATEST when that was published
  int64_t held = 0;       // how many versions and aliases there are
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Last", &Qualifiers::last),
                      member("Described", &Qualifiers::described),
                      member("Held", &Qualifiers::held)};
  }
  bool operator==(const Qualifiers&) const = default;
};
inline RecordKey<Qualifiers> qualifiers_key(std::string_view function) { return {function}; }

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
// `qualified` is the function's name, or with a version or an alias "name:qualifier".
inline RecordKey<FunctionPolicy> policy_key(std::string_view qualified) { return {qualified}; }

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
// `qualified` as for policy_key.
inline RecordKey<EventConfig> event_config_key(std::string_view qualified) { return {qualified}; }

// A version of a layer. It never changes, but for who uses it. A deleted one stays for as long as a
// function or a version of one has it.
struct LayerVersion {
  static constexpr RecordType record{Family::meta, "lambda.layer-version", 1};
  std::string layer;
  int64_t number = 0;
  std::string description, license;
  std::vector<std::string> runtimes, architectures;  // that it is said to be compatible with
  std::string blob, wrapped;                         // as those of a function
  int64_t code_bytes = 0, unpacked_bytes = 0;
  std::string code_sha256;
  std::string extension;  // a file of it in extensions/
  int64_t users = 0;      // how many functions and versions have it
  bool deleted = false;
  Time created = 0;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Layer", &LayerVersion::layer),
                      member("Number", &LayerVersion::number),
                      member("Description", &LayerVersion::description),
                      member("License", &LayerVersion::license),
                      member("Runtimes", &LayerVersion::runtimes),
                      member("Architectures", &LayerVersion::architectures),
                      member("Blob", &LayerVersion::blob),
                      member("Wrapped", &LayerVersion::wrapped),
                      member("CodeSize", &LayerVersion::code_bytes),
                      member("UnpackedSize", &LayerVersion::unpacked_bytes),
                      member("CodeSha256", &LayerVersion::code_sha256),
                      member("Extension", &LayerVersion::extension),
                      member("Users", &LayerVersion::users),
                      member("Deleted", &LayerVersion::deleted),
                      member("Created", &LayerVersion::created)};
  }
  bool operator==(const LayerVersion&) const = default;
  BlobRef code() const { return {blob, static_cast<uint64_t>(code_bytes)}; }
};
inline RecordKey<LayerVersion> layer_version_key(std::string_view layer, int64_t number) {
  const std::string digits = std::to_string(number);
  return {layer, std::string(19 - std::min<size_t>(19, digits.size()), '0') + digits};
}

// Outlives its versions, because a number is never used again.
struct Layer {
  static constexpr RecordType record{Family::meta, "lambda.layer", 1};
  int64_t last = 0;  // the number of the newest version
  json::object unknown;
  static constexpr auto members() { return std::tuple{member("Last", &Layer::last)}; }
  bool operator==(const Layer&) const = default;
};
inline RecordKey<Layer> layer_key(std::string_view layer) { return {layer}; }

// The policy of a version of a layer.
struct LayerPolicy : FunctionPolicy {
  static constexpr RecordType record{Family::meta, "lambda.layer-policy", 1};
};
inline RecordKey<LayerPolicy> layer_policy_key(std::string_view layer, int64_t number) {
  return {layer, std::to_string(number)};
}

// The event of a job of the queue "lambda.ahead": of which function an environment may be started
// before somebody waits for it.
constexpr std::string_view kAheadQueue = "lambda.ahead";
struct AheadEvent {
  std::string function;
  static constexpr auto members() { return std::tuple{member("Function", &AheadEvent::function)}; }
};

// An event source mapping (event_sources.h).
struct EventSource {
  static constexpr RecordType record{Family::meta, "lambda.event-source", 1};
  std::string uuid, stream_arn;
  std::string function;           // its name, and with a version or an alias "name:qualifier"
  std::string starting_position;  // TRIM_HORIZON or LATEST
  int64_t batch_size = 100, window_s = 0, parallel = 1;
  int64_t retries_max = -1, age_max_s = -1;  // -1: as long as the stream keeps the record
  bool bisects = false, reports_failures = false, enabled = true;
  std::string on_failure;            // ARN of the bucket for batches that failed; "": none
  std::vector<std::string> filters;  // patterns (event_filter.h)
  Time modified = 0;
  std::string run;  // a new one with each change: the work of an older one ends
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Id", &EventSource::uuid),
                      member("Stream", &EventSource::stream_arn),
                      member("Function", &EventSource::function),
                      member("StartingPosition", &EventSource::starting_position),
                      member("BatchSize", &EventSource::batch_size),
                      member("Window", &EventSource::window_s),
                      member("Parallel", &EventSource::parallel),
                      member("Retries", &EventSource::retries_max),
                      member("Age", &EventSource::age_max_s),
                      member("Bisects", &EventSource::bisects),
                      member("ReportsFailures", &EventSource::reports_failures),
                      member("Enabled", &EventSource::enabled),
                      member("OnFailure", &EventSource::on_failure),
                      member("Filters", &EventSource::filters),
                      member("Modified", &EventSource::modified),
                      member("Run", &EventSource::run)};
  }
  bool operator==(const EventSource&) const = default;
};
inline RecordKey<EventSource> event_source_key(std::string_view uuid) { return {uuid}; }

// How many mappings there are. Whoever makes or deletes one writes it, so that two that are made at
// once do not miss each other.
struct EventSourceCount {
  static constexpr RecordType record{Family::meta, "lambda.event-source-count", 1};
  int64_t held = 0;
  json::object unknown;
  static constexpr auto members() { return std::tuple{member("Held", &EventSourceCount::held)}; }
  bool operator==(const EventSourceCount&) const = default;
};
inline RecordKey<EventSourceCount> event_source_count_key() { return {"all"}; }

// How far a mapping has come. It is written with each batch that is done.
struct EventSourceProgress {
  static constexpr RecordType record{Family::outbox, "lambda.event-source-progress", 1};
  std::string after;   // the sequence number of the last record that is done; "": begin anew
  std::string result;  // LastProcessingResult; "": nothing was read yet
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("After", &EventSourceProgress::after),
                      member("Result", &EventSourceProgress::result)};
  }
  bool operator==(const EventSourceProgress&) const = default;
};
inline RecordKey<EventSourceProgress> progress_key(std::string_view uuid) { return {uuid}; }

// The event of a job of the queue "lambda.event-source", which lasts as long as its mapping is
// enabled.
constexpr std::string_view kEventSourceQueue = "lambda.event-source";
struct EventSourceEvent {
  std::string uuid, run;
  static constexpr auto members() {
    return std::tuple{member("Id", &EventSourceEvent::uuid), member("Run", &EventSourceEvent::run)};
  }
};

}  // namespace sluice::lambda
