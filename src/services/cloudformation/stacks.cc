// SPDX-License-Identifier: Apache-2.0
#include "services/cloudformation/stacks.h"

#include "base/random.h"

namespace sluice::cloudformation {
namespace {
template <class From>
std::optional<json::object> find(From& from, const std::string& wanted) {
  std::string id, name;
  if (wanted.starts_with("arn:")) {
    const auto arn = parse_arn(wanted);
    if (!arn || arn->service != "cloudformation" || !arn->resource.starts_with("stack/"))
      return std::nullopt;
    const auto parts = split(arn->resource, '/');
    if (parts.size() != 3) return std::nullopt;
    name = parts[1];
    id = parts[2];
  } else {
    const auto found = from.get(name_key(wanted));
    if (!found) return std::nullopt;
    name = wanted;
    id = *found;
  }
  auto stack = from.get_json(stack_key(id));
  if (!stack || text_of(*stack, "Name") != name) return std::nullopt;
  return stack;
}
}  // namespace

std::string stack_arn(const Scope& scope, std::string_view name, std::string_view id) {
  return make_arn(scope, "cloudformation", "stack/" + std::string(name) + "/" + std::string(id));
}
std::optional<json::object> find_stack(const Snapshot& snapshot, const std::string& name_or_arn) {
  return find(snapshot, name_or_arn);
}
std::optional<json::object> find_stack(Staged& staged, const std::string& name_or_arn) {
  return find(staged, name_or_arn);
}

std::vector<json::object> resources(const Snapshot& snapshot, std::string_view id) {
  std::vector<json::object> out;
  snapshot.scan(resources_of(id), "", false, [&](std::string_view, std::string_view value) {
    if (auto one = parse_json_object(value)) out.push_back(*std::move(one));
    return true;
  });
  return out;
}

void add_event(Staged& staged, json::object& stack, const Event& event) {
  const std::string id = text_of(stack, "Id");
  const int64_t number = int_of(stack, "Events") + 1;
  stack["Events"] = number;
  json::object record{
      {"Id", event.logical == text_of(stack, "Name") && event.type == "AWS::CloudFormation::Stack"
                 ? random_uuid()
                 : event.logical + "-" + event.status + "-" + iso_millis(now()) + "-" +
                       std::to_string(number)},
      {"Logical", event.logical},
      {"Physical", event.physical},
      {"Type", event.type},
      {"Status", event.status},
      {"Reason", event.reason},
      {"Time", now()}};
  if (!event.properties.empty() && event.properties.size() <= kEventPropertiesMax)
    record["Properties"] = event.properties;
  staged.put_json(event_key(id, number), record);
  if (number > static_cast<int64_t>(kEventsKept))
    staged.erase(event_key(id, number - static_cast<int64_t>(kEventsKept)));
}
void set_status(Staged& staged, json::object& stack, std::string_view status,
                const std::string& reason) {
  stack["Status"] = status;
  stack["Reason"] = reason;
  add_event(staged, stack,
            {text_of(stack, "Name"), text_of(stack, "Arn"), "AWS::CloudFormation::Stack",
             std::string(status), reason, ""});
  staged.put_json(stack_key(text_of(stack, "Id")), stack);
}

ParameterValues parameters_of(const json::object& stack) {
  ParameterValues values;
  if (const json::value* all = stack.if_contains("Parameters"))
    for (const auto& [name, value] : all->as_object())
      values[std::string(name)] = value.as_string();
  return values;
}
json::object parameters_json(const ParameterValues& values) {
  json::object out;
  for (const auto& [name, value] : values) out[name] = value;
  return out;
}

}  // namespace sluice::cloudformation
