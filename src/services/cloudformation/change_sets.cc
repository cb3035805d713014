// SPDX-License-Identifier: Apache-2.0
#include "services/cloudformation/change_sets.h"

#include "base/random.h"
#include "services/cloudformation/change.h"

namespace sluice::cloudformation {
namespace {
Error no_such_set(const std::string& name) {
  return {404, "ChangeSetNotFound", "ChangeSet [" + name + "] does not exist", {}};
}

Result<ChangeSetIn> parse_set(const Request& request, std::string_view operation) {
  ChangeSetIn in;
  in.name = request.query_text("ChangeSetName");
  in.stack = request.query_text("StackName");
  if (in.name.starts_with(
          "arn:")) {  // arn:...:changeSet/<name>/<stack's uuid>; the stack is found by it
    const auto arn = parse_arn(in.name);
    const auto parts = arn ? split(arn->resource, '/') : std::vector<std::string_view>{};
    if (parts.size() != 4 || parts[0] != "changeSet") return no_such_set(in.name);
    if (in.stack.empty())
      in.stack = make_arn({arn->account_id, arn->region}, "cloudformation",
                          "stack/" + std::string(parts[2]) + "/" + std::string(parts[3]));
    in.name = std::string(parts[1]);
  } else {
    TRY(in.stack, stack_name_of(request));
  }
  if (operation == "ListChangeSets") return in;
  if (in.name.empty() || in.name.size() > 128 || !isalpha(static_cast<unsigned char>(in.name[0])) ||
      in.name.find_first_not_of(
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos)
    return validation("1 validation error detected: Value '" + in.name.substr(0, 128) +
                      "' at 'changeSetName' failed to satisfy constraint: Member must satisfy "
                      "regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*");
  if (operation == "ExecuteChangeSet" && request.query_text("DisableRollback") == "true")
    return validation("DisableRollback of a change set is not implemented by Sluice.");
  if (operation != "CreateChangeSet") return in;
  in.type = request.query_value("ChangeSetType") ? request.query_text("ChangeSetType") : "UPDATE";
  if (in.type != "CREATE" && in.type != "UPDATE")
    return validation("ChangeSetType must be CREATE or UPDATE; Sluice does not import resources.");
  in.description = request.query_text("Description");
  if (in.description.size() > 1024)
    return validation("Description must be at most 1024 characters.");
  TRY(in.change, parse_change(request));
  return in;
}

struct Found {
  Stack stack;
  ChangeSet set;
};
template <class From>
Result<Found> find_set(From& from, const ChangeSetIn& in) {
  const auto stack = find_stack(from, in.stack);
  if (!stack) return validation("Stack [" + in.stack + "] does not exist");
  const auto set = from.get(change_set_key(stack->id, in.name));
  if (!set) return no_such_set(in.name);
  return Found{*stack, *set};
}
std::string execution_status(const Stack& stack, const ChangeSet& set) {
  if (set.executed) return "EXECUTE_COMPLETE";
  if (set.status == "FAILED") return "UNAVAILABLE";
  return set.base == stack.events ? "AVAILABLE" : "OBSOLETE";
}
void write_summary(XmlWriter& xml, const Stack& stack, const ChangeSet& set) {
  xml.element("StackId", stack.arn)
      .element("StackName", stack.name)
      .element("ChangeSetId", set.arn)
      .element("ChangeSetName", set.name);
  xml.element("ExecutionStatus", execution_status(stack, set)).element("Status", set.status);
  if (!set.reason.empty()) xml.element("StatusReason", set.reason);
  if (!set.description.empty()) xml.element("Description", set.description);
  xml.element("CreationTime", iso_millis(set.created));
}
std::vector<PlannedChange> planned(const std::vector<Difference>& list) {
  std::vector<PlannedChange> out;
  for (const Difference& d : list)
    out.push_back({d.action, d.logical, d.physical, d.type, !d.replacement.empty()});
  return out;
}
// The stack that the set is for; a new one waits in REVIEW_IN_PROGRESS.
Result<Stack> stack_for(const Authorized<ChangeSetIn>& in, Staged& staged) {
  auto stack = find_stack(staged, in->stack);
  if (in->type == "UPDATE") {
    if (!stack || stack->status == "REVIEW_IN_PROGRESS")
      return validation("Stack [" + in->stack + "] does not exist");
    const std::string& status = stack->status;
    if (status != "CREATE_COMPLETE" && status != "UPDATE_COMPLETE" &&
        status != "UPDATE_ROLLBACK_COMPLETE")
      return validation("Stack:" + stack->arn + " is in " + status +
                        " state and can not be updated.");
    return *std::move(stack);
  }
  if (stack && stack->status != "REVIEW_IN_PROGRESS")
    return validation("Stack [" + in->stack +
                      "] already exists and cannot be created again with the changeSet [" +
                      in->name + "].");
  if (stack) return *std::move(stack);
  TRY(Stack fresh, new_stack(staged, in->stack, in.time()));
  set_status(staged, fresh, "REVIEW_IN_PROGRESS", "User Initiated");
  return fresh;
}
}  // namespace

template <class Self>
Result<ChangeSetIn> OnChangeSet<Self>::parse(const Request& request) {
  return parse_set(request, Self::name);
}
template struct OnChangeSet<CreateChangeSet>;
template struct OnChangeSet<DescribeChangeSet>;
template struct OnChangeSet<ExecuteChangeSet>;
template struct OnChangeSet<DeleteChangeSet>;
template struct OnChangeSet<ListChangeSets>;

Result<XmlOut> CreateChangeSet::run(const Authorized<In>& in, Staged& staged) {
  TRY(const Stack stack, stack_for(in, staged));
  Template t;
  TRY(const Plan plan, plan_of(in->change, in->type == "UPDATE" ? &stack : nullptr, t));
  const std::string& id = stack.id;
  if (staged.look(change_set_key(id, in->name)))
    return Error{400,
                 "AlreadyExistsException",
                 "ChangeSet " + in->name +
                     " cannot be created due to a mismatch with existing attribute Template",
                 {}};
  size_t count = 0;
  staged.snapshot().scan(
      schema::span(RecordPrefix<ChangeSet>{id}), false,
      [&](std::string_view, std::string_view) { return ++count < kChangeSetsMax; });
  if (count >= kChangeSetsMax)
    return Error{400,
                 "LimitExceededException",
                 "A stack has at most " + std::to_string(kChangeSetsMax) + " change sets.",
                 {}};
  bool outputs_differ = false;
  TRY(const auto changes,
      differences(stack, t, plan.parameters, staged.snapshot(), outputs_differ));
  const bool empty = in->type == "UPDATE" && changes.empty() && !outputs_differ;
  const Scope& scope = staged.snapshot().scope();
  const ChangeSet set{
      .name = in->name,
      .arn =
          make_arn(scope, "cloudformation", "changeSet/" + in->name + "/" + stack.name + "/" + id),
      .type = in->type,
      .description = in->description,
      .created = in.time(),
      .status = empty ? "FAILED" : "CREATE_COMPLETE",
      .reason = empty ? "The submitted information didn't contain changes. Submit different "
                        "information to create a change set."
                      : "",
      .plan = plan,
      .changes = planned(changes),
      .base = stack.events,
      .on_failure = in->change.on_failure};
  staged.put(change_set_key(id, in->name), set);
  return XmlOut{
      XmlWriter(XmlWriter::Fragment{}).element("Id", set.arn).element("StackId", stack.arn).take(),
      json::object{{"id", set.arn}, {"stackId", stack.arn}}};
}

Result<XmlOut> DescribeChangeSet::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const Found found, find_set(s, *in));
  XmlWriter xml{XmlWriter::Fragment{}};
  write_summary(xml, found.stack, found.set);
  const Plan& plan = found.set.plan;
  std::set<std::string> hidden;
  if (const auto t = parse_template(plan.body))
    for (const Parameter& p : t->parameters)
      if (p.no_echo) hidden.insert(p.name);
  xml.open("Parameters");
  for (const auto& [parameter, value] : plan.parameters)
    xml.open("member")
        .element("ParameterKey", parameter)
        .element("ParameterValue", hidden.contains(parameter) ? "****" : value)
        .close("member");
  xml.close("Parameters").open("Capabilities");
  for (const std::string& one : plan.capabilities) xml.element("member", one);
  xml.close("Capabilities").open("Changes");
  for (const PlannedChange& change : found.set.changes) {
    xml.open("member")
        .element("Type", "Resource")
        .open("ResourceChange")
        .element("Action", change.action)
        .element("LogicalResourceId", change.logical);
    if (!change.physical.empty()) xml.element("PhysicalResourceId", change.physical);
    xml.element("ResourceType", change.type);
    if (change.action == "Modify")
      xml.element("Replacement", change.replacement ? "True" : "False")
          .open("Scope")
          .element("member", "Properties")
          .close("Scope");
    xml.open("Details").close("Details").close("ResourceChange").close("member");
  }
  xml.close("Changes");
  return XmlOut{xml.take()};
}

Result<XmlOut> ExecuteChangeSet::run(const Authorized<In>& in, Staged& staged) {
  TRY(Found found, find_set(staged, *in));
  const std::string status = execution_status(found.stack, found.set);
  const std::string& id = found.stack.id;
  if (status != "AVAILABLE")
    return Error{400,
                 "InvalidChangeSetStatus",
                 "ChangeSet [" + found.set.arn + "] cannot be executed in its current status of [" +
                     (status == "UNAVAILABLE" ? found.set.status : status) + "]",
                 {}};
  const bool create = found.set.type == "CREATE";
  if (create) {
    static_cast<Plan&>(found.stack) = found.set.plan;
    found.stack.on_failure = found.set.on_failure;
  } else {
    found.stack.next = found.set.plan;
    found.stack.updated = in.time();
  }
  // The others do not fit the stack any more.
  staged.snapshot().scan(schema::span(RecordPrefix<ChangeSet>{id}), false,
                         [&](std::string_view key, std::string_view) {
                           staged.erase({Family::meta, std::string(key)});
                           return true;
                         });
  found.set.executed = true;
  staged.put(change_set_key(id, in->name), found.set);
  CHECK(hand_over(staged, found.stack, create ? "create" : "update", in.facts()));
  return XmlOut{};
}

Result<XmlOut> DeleteChangeSet::run(const Authorized<In>& in, Staged& staged) {
  const auto stack = find_stack(staged, in->stack);
  if (!stack) return validation("Stack [" + in->stack + "] does not exist");
  staged.erase(change_set_key(stack->id, in->name));  // what is gone is a success
  return XmlOut{};
}

Result<XmlOut> ListChangeSets::run(const Authorized<In>& in, const Snapshot& s) {
  const auto stack = find_stack(s, in->stack);
  if (!stack) return validation("Stack [" + in->stack + "] does not exist");
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("Summaries");
  s.scan(RecordPrefix<ChangeSet>{stack->id}, "", false,
         [&](std::string_view, const ChangeSet& set) {
           xml.open("member");
           write_summary(xml, *stack, set);
           xml.close("member");
           return true;
         });
  xml.close("Summaries");
  return XmlOut{xml.take()};
}

}  // namespace sluice::cloudformation
