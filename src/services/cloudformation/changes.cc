// SPDX-License-Identifier: Apache-2.0
#include "services/cloudformation/changes.h"

#include <algorithm>

#include "base/random.h"
#include "request/on_behalf.h"
#include "services/cloudformation/change.h"

namespace sluice::cloudformation {
namespace {
constexpr const char* kNotBuilt[] = {"TemplateURL",
                                     "RoleARN",
                                     "StackPolicyBody",
                                     "StackPolicyURL",
                                     "StackPolicyDuringUpdateBody",
                                     "StackPolicyDuringUpdateURL",
                                     "TimeoutInMinutes",
                                     "RetainExceptOnCreate",
                                     "DeletionMode"};
constexpr size_t kShownMax = 200;  // of a list, in a record
constexpr std::string_view kNotBuiltLists[] = {"NotificationARNs.", "Tags.", "ResourceTypes.",
                                               "RollbackConfiguration.RollbackTriggers."};

bool is_stack_name(std::string_view name) {
  return !name.empty() && name.size() <= kStackNameMax &&
         isalpha(static_cast<unsigned char>(name[0])) &&
         name.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == name.npos;
}
void forget_old_stacks(Staged& staged) {
  const Time oldest = now() - kDeletedStackKeptMs;
  std::vector<std::string> gone;
  staged.snapshot().scan(RecordPrefix<Stack>{}, "", false,
                         [&](std::string_view, const Stack& stack) {
                           if (stack.status == "DELETE_COMPLETE" && stack.deleted < oldest)
                             gone.push_back(stack.id);
                           return gone.size() < 10;
                         });
  for (const std::string& id : gone) {
    staged.erase(stack_key(id));
    for (const Key& prefix : {Key(RecordPrefix<StackResource>{id}),
                              Key(RecordPrefix<StackEvent>{id}), Key(RecordPrefix<ChangeSet>{id})})
      staged.snapshot().scan(schema::span(prefix), false,
                             [&](std::string_view key, std::string_view) {
                               staged.erase({Family::meta, std::string(key)});
                               return true;
                             });
  }
}
}  // namespace

json::value shown(const Request& request) {
  json::value fields =
      shown_fields(request, {"StackName", "ChangeSetName", "ChangeSetType", "Description",
                             "OnFailure", "UsePreviousTemplate", "LogicalResourceId", "NextToken"});
  json::object out = fields.is_object() ? std::move(fields.as_object()) : json::object();
  for (const auto& [list, member] :
       {std::pair("Capabilities", "capabilities"), std::pair("RetainResources", "retainResources"),
        std::pair("StackStatusFilter", "stackStatusFilter"),
        std::pair("Parameters", "parameters")}) {
    const auto sent = list_members(request, list, kShownMax);
    if (!sent || sent->empty()) continue;
    json::array& texts = out[member].emplace_array();
    for (const ListMember& one : *sent) {
      const auto text = one.find(""), key = one.find("ParameterKey");
      if (key != one.end())
        texts.push_back(json::object{{"parameterKey", key->second}});
      else if (text != one.end())
        texts.emplace_back(text->second);
    }
  }
  return out.empty() ? json::value() : json::value(std::move(out));
}
Result<std::string> stack_name_of(const Request& request) {
  const std::string name = request.query_text("StackName");
  if (name.empty())
    return validation(
        "1 validation error detected: Value null at 'stackName' failed to satisfy constraint: "
        "Member must not be null");
  if (!is_stack_name(name) && !(name.starts_with("arn:") && name.size() <= 2048))
    return validation("1 validation error detected: Value '" + name.substr(0, 128) +
                      "' at 'stackName' failed to satisfy constraint: Member must satisfy regular "
                      "expression pattern: [a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*");
  return name;
}
Error no_such_stack(const std::string& name) {
  return validation("Stack with id " + name + " does not exist");
}
Need stack_need(std::string_view action, const std::string& name_or_arn, const Snapshot& snapshot) {
  if (name_or_arn.empty()) return {std::string(action), "*", {}, {}, ""};
  const auto stack = find_stack(snapshot, name_or_arn);
  return {std::string(action),
          stack                             ? stack->arn
          : name_or_arn.starts_with("arn:") ? name_or_arn
                                            : stack_arn(snapshot.scope(), name_or_arn, "*"),
          {},
          {},
          "AWS::CloudFormation::Stack"};
}

Result<ChangeIn> parse_change(const Request& request) {
  ChangeIn in;
  TRY(in.stack, stack_name_of(request));
  for (const auto& [name, value] : request.query) {
    const bool list = std::any_of(std::begin(kNotBuiltLists), std::end(kNotBuiltLists),
                                  [&](std::string_view one) { return name.starts_with(one); });
    if (list || std::find(std::begin(kNotBuilt), std::end(kNotBuilt), name) != std::end(kNotBuilt))
      return validation(name.substr(0, name.find('.')) + " is not implemented by Sluice.");
  }
  in.body = request.query_text("TemplateBody");
  in.use_previous = request.query_text("UsePreviousTemplate") == "true";
  TRY(const auto parameters, list_members(request, "Parameters", kParametersMax));
  for (ListMember p : parameters) {
    const std::string key = p["ParameterKey"];
    if (key.empty()) return validation("Every parameter needs a ParameterKey.");
    if (in.parameters.contains(key) ||
        std::find(in.previous_parameters.begin(), in.previous_parameters.end(), key) !=
            in.previous_parameters.end())
      return validation("Parameter " + key.substr(0, 255) + " is given twice.");
    if (p["UsePreviousValue"] == "true")
      in.previous_parameters.push_back(key);
    else
      in.parameters[key] = p["ParameterValue"];
  }
  for (const auto& [list, into] :
       {std::pair("Capabilities", &in.capabilities), std::pair("RetainResources", &in.retain)}) {
    TRY(const auto values, list_members(request, list, kResourcesMax));
    for (ListMember one : values) into->push_back(one[""]);
  }
  for (const std::string& one : in.capabilities)
    if (one != "CAPABILITY_IAM" && one != "CAPABILITY_NAMED_IAM" && one != "CAPABILITY_AUTO_EXPAND")
      return validation(
          "1 validation error detected: Value at 'capabilities' failed to satisfy constraint: "
          "Member must satisfy enum value set: [CAPABILITY_IAM, CAPABILITY_NAMED_IAM, "
          "CAPABILITY_AUTO_EXPAND]");
  const std::string on_failure = request.query_text("OnFailure");
  const bool no_rollback = request.query_text("DisableRollback") == "true";
  if (!on_failure.empty() && request.query_value("DisableRollback"))
    return validation("You can specify either DisableRollback or OnFailure, but not both");
  if (!on_failure.empty() && on_failure != "ROLLBACK" && on_failure != "DO_NOTHING" &&
      on_failure != "DELETE")
    return validation(
        "1 validation error detected: Value at 'onFailure' failed to satisfy constraint: Member "
        "must satisfy enum value set: [ROLLBACK, DO_NOTHING, DELETE]");
  if (!on_failure.empty()) in.on_failure = on_failure;
  if (no_rollback) in.on_failure = "DO_NOTHING";
  if (request.query_text("EnableTerminationProtection") == "true")
    return validation("EnableTerminationProtection is not implemented by Sluice.");
  return in;
}

// Template, parameters and capabilities, checked. `existing`: the stack that is updated.
Result<Plan> plan_of(const ChangeIn& in, const Plan* existing, Template& t) {
  if (in.use_previous && (!existing || !in.body.empty()))
    return validation(existing ? "You cannot specify both usePreviousTemplate and Template Body."
                               : "There is no previous template to use.");
  const std::string body = in.use_previous ? existing->body : in.body;
  TRY(t, parse_template(body));
  ParameterValues given = in.parameters;
  const ParameterValues before = existing ? existing->parameters : ParameterValues{};
  for (const std::string& name : in.previous_parameters) {
    const auto old = before.find(name);
    if (old == before.end())
      return validation("Invalid input for parameter key " + name.substr(0, 255) +
                        ". Cannot specify usePreviousValue as true for a parameter key not in the "
                        "previous template");
    given[name] = old->second;
  }
  TRY(ParameterValues values, check_parameters(t, given));
  const std::string needed = needed_capability(t);
  const auto has = [&](std::string_view one) {
    return std::find(in.capabilities.begin(), in.capabilities.end(), one) != in.capabilities.end();
  };
  if (!needed.empty() && !has("CAPABILITY_NAMED_IAM") && !has(needed))
    return Error{
        400, "InsufficientCapabilitiesException", "Requires capabilities : [" + needed + "]", {}};
  return Plan{body, t.description, std::move(values), in.capabilities};
}

Result<Stack> new_stack(Staged& staged, const std::string& name, Time time) {
  if (name.starts_with("arn:"))
    return validation(
        "1 validation error detected: Value at 'stackName' failed to satisfy constraint: Member "
        "must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*");
  size_t count = 0;
  staged.snapshot().scan(schema::prefix(Family::meta, "cloudformation.name", {}), "", false,
                         [&](std::string_view, std::string_view) { return ++count < kStacksMax; });
  if (count >= kStacksMax)
    return Error{400,
                 "LimitExceededException",
                 "Limit for stacks exceeded: " + std::to_string(kStacksMax),
                 {}};
  forget_old_stacks(staged);
  const std::string id = random_uuid();
  staged.put(name_key(name), id);
  Stack stack;
  stack.name = name;
  stack.id = id;
  stack.arn = stack_arn(staged.snapshot().scope(), name, id);
  stack.created = time;
  stack.on_failure = "ROLLBACK";
  return stack;
}

Result<Done> hand_over(Staged& staged, Stack& stack, std::string_view kind, const Request& facts) {
  TRY(const std::string token, token_to_keep(facts));
  stack.begun = false;
  stack.work = staged.enqueue(
      {.queue = kQueue, .event = members_of(Work{stack.id, std::string(kind), token})});
  set_status(staged, stack,
             kind == "create"   ? "CREATE_IN_PROGRESS"
             : kind == "update" ? "UPDATE_IN_PROGRESS"
                                : "DELETE_IN_PROGRESS",
             "User Initiated");
  return Done{};
}

Result<IdOut> CreateStack::run(const Authorized<In>& in, Staged& staged) {
  Template t;
  TRY(Plan plan, plan_of(*in, nullptr, t));
  if (staged.get(name_key(in->stack)))
    return Error{400, "AlreadyExistsException", "Stack [" + in->stack + "] already exists", {}};
  TRY(Stack stack, new_stack(staged, in->stack, in.time()));
  stack.on_failure = in->on_failure;
  static_cast<Plan&>(stack) = std::move(plan);
  CHECK(hand_over(staged, stack, "create", in.facts()));
  return IdOut{stack.arn};
}

Result<IdOut> UpdateStack::run(const Authorized<In>& in, Staged& staged) {
  auto stack = find_stack(staged, in->stack);
  if (!stack) return validation("Stack [" + in->stack + "] does not exist");
  const std::string& status = stack->status;
  if (status != "CREATE_COMPLETE" && status != "UPDATE_COMPLETE" &&
      status != "UPDATE_ROLLBACK_COMPLETE")
    return validation("Stack:" + stack->arn + " is in " + status +
                      " state and can not be updated.");
  if (in->on_failure != "ROLLBACK")
    return validation("DisableRollback of an update is not implemented by Sluice.");
  Template t;
  TRY(Plan plan, plan_of(*in, &*stack, t));
  bool outputs_differ = false;
  TRY(const auto changes,
      differences(*stack, t, plan.parameters, staged.snapshot(), outputs_differ));
  if (changes.empty() && !outputs_differ) return validation("No updates are to be performed.");
  stack->next = std::move(plan);
  stack->updated = in.time();
  CHECK(hand_over(staged, *stack, "update", in.facts()));
  return IdOut{stack->arn};
}

Result<IdOut> DeleteStack::run(const Authorized<In>& in, Staged& staged) {
  auto stack = find_stack(staged, in->stack);
  if (!stack || stack->status == "DELETE_COMPLETE") return IdOut{};
  const std::string& status = stack->status;
  if (status == "DELETE_IN_PROGRESS") return IdOut{};
  if (in_progress(status))
    return validation("Stack [" + in->stack + "] cannot be deleted while in status " + status);
  if (!in->retain.empty() && status != "DELETE_FAILED")
    return validation("Invalid operation on stack [" + stack->arn +
                      "]. When you delete a stack, specify which resources to retain only when the "
                      "stack is in the DELETE_FAILED state.");
  stack->retain = in->retain;
  CHECK(hand_over(staged, *stack, "delete", in.facts()));
  return IdOut{};
}

}  // namespace sluice::cloudformation
