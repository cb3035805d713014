// SPDX-License-Identifier: Apache-2.0
#pragma once
// How stacks are stored. docs/on-disk.md
//   meta cloudformation.stack (uuid)              the stack: status, template, parameters, outputs;
//   "Next" while it is updated meta cloudformation.name (name)               uuid of the stack that
//   has this name now meta cloudformation.resource (uuid, logical)  type, physical id, attributes,
//   resolved properties; "Before", "New" while it is updated meta cloudformation.event (uuid,
//   number)      the latest kEventsKept events
#include "base/bytes.h"
#include "services/cloudformation/cloudformation.h"
#include "services/cloudformation/template.h"

namespace sluice::cloudformation {

inline Key stack_key(std::string_view id) {
  return schema::key(Family::meta, "cloudformation.stack", {id});
}
inline Key name_key(std::string_view name) {
  return schema::key(Family::meta, "cloudformation.name", {name});
}
inline Key resource_key(std::string_view id, std::string_view logical) {
  return schema::key(Family::meta, "cloudformation.resource", {id, logical});
}
inline Key resources_of(std::string_view id) {
  return schema::prefix(Family::meta, "cloudformation.resource", {id});
}
inline Key event_key(std::string_view id, int64_t number) {
  return schema::key(Family::meta, "cloudformation.event",
                     {id, big_endian64(static_cast<uint64_t>(number))});
}
inline Key events_of(std::string_view id) {
  return schema::prefix(Family::meta, "cloudformation.event", {id});
}
constexpr std::string_view kQueue =
    "cloudformation.work";  // {"Stack": uuid, "Kind": create|update|delete, "Token": the caller's
                            // sealed session token}

std::string stack_arn(const Scope& scope, std::string_view name, std::string_view id);
inline bool in_progress(std::string_view status) {
  return status.ends_with("_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS";
}

// By name (live stacks) or ARN (also deleted ones); nullopt: no such stack. The Staged form tracks
// what it read.
std::optional<json::object> find_stack(const Snapshot& snapshot, const std::string& name_or_arn);
std::optional<json::object> find_stack(Staged& staged, const std::string& name_or_arn);
std::vector<json::object> resources(const Snapshot& snapshot, std::string_view id);

struct Event {
  std::string logical, physical, type, status, reason, properties;
};
// Into `staged`; counts in the stack's record, which the caller stores.
void add_event(Staged& staged, json::object& stack, const Event& event);
// Changes the status with its event, and stores the stack.
void set_status(Staged& staged, json::object& stack, std::string_view status,
                const std::string& reason);
ParameterValues parameters_of(const json::object& stack);
json::object parameters_json(const ParameterValues& values);

}  // namespace sluice::cloudformation
