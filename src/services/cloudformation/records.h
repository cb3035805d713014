// SPDX-License-Identifier: Apache-2.0
#pragma once
// What CloudFormation stores: stacks, their resources and events, and change sets. Which stack has
// a name now stands beside them (name_key).
//
//   auto stack = staged.get(stack_key(id));
//   stack->status = "CREATE_COMPLETE";
//   staged.put(stack_key(id), *stack);
#include "base/bytes.h"
#include "services/cloudformation/template.h"
#include "store/record.h"

namespace sluice::cloudformation {

// What a stack is to become.
struct Plan {
  std::string body;  // the template's text
  std::string description;
  ParameterValues parameters;
  std::vector<std::string> capabilities;
  static constexpr auto members() {
    return std::tuple{member("Template", &Plan::body), member("Description", &Plan::description),
                      member("Parameters", &Plan::parameters),
                      member("Capabilities", &Plan::capabilities)};
  }
  bool operator==(const Plan&) const = default;
};
struct Output {
  std::string key, value, description;
  static constexpr auto members() {
    return std::tuple{member("Key", &Output::key), member("Value", &Output::value),
                      member("Description", &Output::description)};
  }
  bool operator==(const Output&) const = default;
};

struct Stack : Plan {
  static constexpr RecordType record{Family::meta, "cloudformation.stack", 1};
  std::string name, id, arn;                   // id: uuid
  Time created = 0, updated = 0, deleted = 0;  // 0: never
  std::string on_failure;                      // ROLLBACK, DO_NOTHING, DELETE
  std::vector<Output> outputs;
  int64_t events = 0;  // number of the newest event
  std::string status, reason;
  bool begun = false;               // the work has begun: after a restart it is taken up
  std::string work;                 // the id of the job; "": nothing is being done
  std::vector<std::string> retain;  // logical ids of the resources that DeleteStack keeps
  std::optional<Plan> next;         // this and next_outputs are there while it is updated
  std::optional<std::vector<Output>> next_outputs;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Name", &Stack::name),
                      member("Id", &Stack::id),
                      member("Arn", &Stack::arn),
                      member("Created", &Stack::created),
                      member("Updated", &Stack::updated),
                      member("Deleted", &Stack::deleted),
                      member("OnFailure", &Stack::on_failure),
                      member("Template", &Stack::body),
                      member("Description", &Stack::description),
                      member("Parameters", &Stack::parameters),
                      member("Capabilities", &Stack::capabilities),
                      member("Outputs", &Stack::outputs),
                      member("Events", &Stack::events),
                      member("Status", &Stack::status),
                      member("Reason", &Stack::reason),
                      member("Begun", &Stack::begun),
                      member("Work", &Stack::work),
                      member("Retain", &Stack::retain),
                      member("Next", &Stack::next),
                      member("NextOutputs", &Stack::next_outputs)};
  }
  bool operator==(const Stack&) const = default;
};
inline RecordKey<Stack> stack_key(std::string_view id) { return {id}; }
inline Key name_key(std::string_view name) {
  return schema::key(Family::meta, "cloudformation.name", {name});
}

struct StackResource {
  static constexpr RecordType record{Family::meta, "cloudformation.resource", 1};
  std::string name, type, physical;  // name: its logical id
  json::object attributes;           // what Fn::GetAtt gives
  bool exists = false;
  json::object properties;             // resolved and checked
  std::optional<json::object> before;  // the properties that an update replaces
  std::vector<std::string> depends;    // logical ids
  std::string policy;                  // Delete, Retain, RetainExceptOnCreate
  bool is_new = false;                 // made by the update that is under way
  std::string status, reason;
  Time time = 0;
  uint64_t began = 0;  // the newest audit record when it began to be made
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{member("Name", &StackResource::name),
                      member("Type", &StackResource::type),
                      member("Physical", &StackResource::physical),
                      member("Attributes", &StackResource::attributes),
                      member("Exists", &StackResource::exists),
                      member("Properties", &StackResource::properties),
                      member("Before", &StackResource::before),
                      member("Depends", &StackResource::depends),
                      member("Policy", &StackResource::policy),
                      member("New", &StackResource::is_new),
                      member("Status", &StackResource::status),
                      member("Reason", &StackResource::reason),
                      member("Time", &StackResource::time),
                      member("Began", &StackResource::began)};
  }
  bool operator==(const StackResource&) const = default;
};
inline RecordKey<StackResource> resource_key(std::string_view id, std::string_view logical) {
  return {id, logical};
}

// One of the latest kEventsKept events of a stack.
struct StackEvent {
  static constexpr RecordType record{Family::meta, "cloudformation.event", 1};
  std::string logical, physical, type, status, reason;
  std::string properties;  // JSON; "": the event does not tell them
  std::string id;
  Time time = 0;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{
        member("Logical", &StackEvent::logical), member("Physical", &StackEvent::physical),
        member("Type", &StackEvent::type),       member("Status", &StackEvent::status),
        member("Reason", &StackEvent::reason),   member("Properties", &StackEvent::properties),
        member("Id", &StackEvent::id),           member("Time", &StackEvent::time)};
  }
  bool operator==(const StackEvent&) const = default;
};
inline RecordKey<StackEvent> event_key(std::string_view id, int64_t number) {
  return {id, big_endian64(static_cast<uint64_t>(number))};
}

struct PlannedChange {
  std::string action, logical, physical, type;  // Add, Modify, Remove
  bool replacement = false;
  static constexpr auto members() {
    return std::tuple{
        member("Action", &PlannedChange::action), member("Logical", &PlannedChange::logical),
        member("Physical", &PlannedChange::physical), member("Type", &PlannedChange::type),
        member("Replacement", &PlannedChange::replacement)};
  }
  bool operator==(const PlannedChange&) const = default;
};
struct ChangeSet {
  static constexpr RecordType record{Family::meta, "cloudformation.change-set", 1};
  std::string name, arn, type, description;  // type: CREATE, UPDATE
  Time created = 0;
  bool executed = false;
  std::string status, reason;
  Plan plan;
  std::vector<PlannedChange> changes;
  int64_t base = 0;  // the stack's newest event when it was made: it fits only that state
  std::string on_failure;
  json::object unknown;
  static constexpr auto members() {
    return std::tuple{
        member("Name", &ChangeSet::name),       member("Arn", &ChangeSet::arn),
        member("Type", &ChangeSet::type),       member("Description", &ChangeSet::description),
        member("Created", &ChangeSet::created), member("Executed", &ChangeSet::executed),
        member("Status", &ChangeSet::status),   member("Reason", &ChangeSet::reason),
        member("Plan", &ChangeSet::plan),       member("Changes", &ChangeSet::changes),
        member("Base", &ChangeSet::base),       member("OnFailure", &ChangeSet::on_failure)};
  }
  bool operator==(const ChangeSet&) const = default;
};
inline RecordKey<ChangeSet> change_set_key(std::string_view id, std::string_view name) {
  return {id, name};
}

// A job of the queue "cloudformation.work".
struct Work {
  std::string stack;  // uuid
  std::string kind;   // create, update, delete
  std::string token;  // the caller's sealed session token
  static constexpr auto members() {
    return std::tuple{member("Stack", &Work::stack), member("Kind", &Work::kind),
                      member("Token", &Work::token)};
  }
};

}  // namespace sluice::cloudformation
