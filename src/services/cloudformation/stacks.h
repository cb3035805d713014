// SPDX-License-Identifier: Apache-2.0
#pragma once
// How stacks are found, and how their status and their events are noted.
//
//   auto stack = find_stack(staged, name_or_arn);
//   if (!stack) return no_such_stack(name_or_arn);
//   set_status(staged, *stack, "DELETE_IN_PROGRESS", "User Initiated");
#include "services/cloudformation/cloudformation.h"
#include "services/cloudformation/records.h"

namespace sluice::cloudformation {

// The queue of Work.
constexpr std::string_view kQueue = "cloudformation.work";

std::string stack_arn(const Scope& scope, std::string_view name, std::string_view id);
inline bool in_progress(std::string_view status) {
  return status.ends_with("_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS";
}

// Finds a stack by its name or its ARN; nothing when there is none. A deleted stack is found only
// by its ARN. With a Staged, the commit fails with a conflict when the stack is changed meanwhile.
std::shared_ptr<const Stack> find_stack(const Snapshot& snapshot, const std::string& name_or_arn);
std::optional<Stack> find_stack(Staged& staged, const std::string& name_or_arn);
std::vector<StackResource> resources(const Snapshot& snapshot, std::string_view id);

// Adds an event with an id and a time. It gets its number from the stack's record, which the caller
// must store.
void add_event(Staged& staged, Stack& stack, StackEvent event);
// Changes the status, adds the event for it, and stores the stack.
void set_status(Staged& staged, Stack& stack, std::string_view status, const std::string& reason);

}  // namespace sluice::cloudformation
