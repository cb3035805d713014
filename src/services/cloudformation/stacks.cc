// SPDX-License-Identifier: Apache-2.0
#include "services/cloudformation/stacks.h"

#include "base/random.h"

namespace sluice::cloudformation {
namespace {
template <class From>
auto find(From& from, const std::string& wanted) -> decltype(from.get(stack_key(""))) {
  std::string id, name;
  if (wanted.starts_with("arn:")) {
    const auto arn = parse_arn(wanted);
    if (!arn || arn->service != "cloudformation" || !arn->resource.starts_with("stack/")) return {};
    const auto parts = split(arn->resource, '/');
    if (parts.size() != 3) return {};
    name = parts[1];
    id = parts[2];
  } else {
    const auto found = from.get(name_key(wanted));
    if (!found) return {};
    name = wanted;
    id = *found;
  }
  auto stack = from.get(stack_key(id));
  if (!stack || stack->name != name) return {};
  return stack;
}
}  // namespace

std::string stack_arn(const Scope& scope, std::string_view name, std::string_view id) {
  return make_arn(scope, "cloudformation", "stack/" + std::string(name) + "/" + std::string(id));
}
std::shared_ptr<const Stack> find_stack(const Snapshot& snapshot, const std::string& name_or_arn) {
  return find(snapshot, name_or_arn);
}
std::optional<Stack> find_stack(Staged& staged, const std::string& name_or_arn) {
  return find(staged, name_or_arn);
}

std::vector<StackResource> resources(const Snapshot& snapshot, std::string_view id) {
  std::vector<StackResource> out;
  snapshot.scan(RecordPrefix<StackResource>{id}, "", false,
                [&](std::string_view, StackResource one) {
                  out.push_back(std::move(one));
                  return true;
                });
  return out;
}

void add_event(Staged& staged, Stack& stack, StackEvent event) {
  const int64_t number = ++stack.events;
  const bool of_stack = event.logical == stack.name && event.type == "AWS::CloudFormation::Stack";
  event.time = now();
  event.id = of_stack ? random_uuid()
                      : event.logical + "-" + event.status + "-" + iso_millis(event.time) + "-" +
                            std::to_string(number);
  if (event.properties.size() > kEventPropertiesMax) event.properties.clear();
  staged.put(event_key(stack.id, number), event);
  if (number > static_cast<int64_t>(kEventsKept))
    staged.erase(event_key(stack.id, number - static_cast<int64_t>(kEventsKept)));
}
void set_status(Staged& staged, Stack& stack, std::string_view status, const std::string& reason) {
  stack.status = status;
  stack.reason = reason;
  add_event(staged, stack,
            {.logical = stack.name,
             .physical = stack.arn,
             .type = "AWS::CloudFormation::Stack",
             .status = stack.status,
             .reason = reason});
  staged.put(stack_key(stack.id), stack);
}

}  // namespace sluice::cloudformation
