// SPDX-License-Identifier: Apache-2.0
#pragma once
// How stacks are found, and how their status and events are noted.
#include "services/cloudformation/cloudformation.h"
#include "services/cloudformation/records.h"

namespace sluice::cloudformation {

constexpr std::string_view kQueue = "cloudformation.work";  // of Work

std::string stack_arn(const Scope& scope, std::string_view name, std::string_view id);
inline bool in_progress(std::string_view status) {
  return status.ends_with("_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS";
}

// By name (live stacks) or ARN (also deleted ones); nullopt: no such stack. The Staged form tracks
// what it read.
std::shared_ptr<const Stack> find_stack(const Snapshot& snapshot, const std::string& name_or_arn);
std::optional<Stack> find_stack(Staged& staged, const std::string& name_or_arn);
std::vector<StackResource> resources(const Snapshot& snapshot, std::string_view id);

// Into `staged`, with its id and time; counts in the stack's record, which the caller stores.
void add_event(Staged& staged, Stack& stack, StackEvent event);
// Changes the status with its event, and stores the stack.
void set_status(Staged& staged, Stack& stack, std::string_view status, const std::string& reason);

}  // namespace sluice::cloudformation
