// SPDX-License-Identifier: Apache-2.0
#include "services/cloudformation/change_sets.h"

#include "base/random.h"
#include "services/cloudformation/change.h"

namespace sluice::cloudformation {
namespace {
Key set_key(std::string_view id, std::string_view name) {
  return schema::key(Family::meta, "cloudformation.change-set", {id, name});
}
Key sets_of(std::string_view id) {
  return schema::prefix(Family::meta, "cloudformation.change-set", {id});
}
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
  json::object stack, set;
};
template <class From>
Result<Found> find_set(From& from, const ChangeSetIn& in) {
  auto stack = find_stack(from, in.stack);
  if (!stack) return validation("Stack [" + in.stack + "] does not exist");
  auto set = from.get_json(set_key(text_of(*stack, "Id"), in.name));
  if (!set) return no_such_set(in.name);
  return Found{*std::move(stack), *std::move(set)};
}
std::string execution_status(const json::object& stack, const json::object& set) {
  if (bool_of(set, "Executed")) return "EXECUTE_COMPLETE";
  if (text_of(set, "Status") == "FAILED") return "UNAVAILABLE";
  return int_of(set, "Base") == int_of(stack, "Events") ? "AVAILABLE" : "OBSOLETE";
}
void write_summary(XmlWriter& xml, const json::object& stack, const json::object& set) {
  xml.element("StackId", text_of(stack, "Arn"))
      .element("StackName", text_of(stack, "Name"))
      .element("ChangeSetId", text_of(set, "Arn"))
      .element("ChangeSetName", text_of(set, "Name"));
  xml.element("ExecutionStatus", execution_status(stack, set))
      .element("Status", text_of(set, "Status"));
  for (const auto& [element, member] :
       {std::pair("StatusReason", "Reason"), std::pair("Description", "Description")})
    if (const std::string text = text_of(set, member); !text.empty()) xml.element(element, text);
  xml.element("CreationTime", iso_millis(int_of(set, "Created")));
}
json::array changes_json(const std::vector<Difference>& list) {
  json::array out;
  for (const Difference& d : list)
    out.push_back(json::object{{"Action", d.action},
                               {"Logical", d.logical},
                               {"Physical", d.physical},
                               {"Type", d.type},
                               {"Replacement", !d.replacement.empty()}});
  return out;
}
// The stack that the set is for; a new one waits in REVIEW_IN_PROGRESS.
Result<json::object> stack_for(const Authorized<ChangeSetIn>& in, Staged& staged) {
  auto stack = find_stack(staged, in->stack);
  if (in->type == "UPDATE") {
    if (!stack || text_of(*stack, "Status") == "REVIEW_IN_PROGRESS")
      return validation("Stack [" + in->stack + "] does not exist");
    const std::string status = text_of(*stack, "Status");
    if (status != "CREATE_COMPLETE" && status != "UPDATE_COMPLETE" &&
        status != "UPDATE_ROLLBACK_COMPLETE")
      return validation("Stack:" + text_of(*stack, "Arn") + " is in " + status +
                        " state and can not be updated.");
    return *std::move(stack);
  }
  if (stack && text_of(*stack, "Status") != "REVIEW_IN_PROGRESS")
    return validation("Stack [" + in->stack +
                      "] already exists and cannot be created again with the changeSet [" +
                      in->name + "].");
  if (stack) return *std::move(stack);
  TRY(json::object fresh, new_stack(staged, in->stack, in.time()));
  fresh["Template"] = "";
  fresh["Parameters"] = json::object{};
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
  TRY(json::object stack, stack_for(in, staged));
  Template t;
  TRY(const json::object plan, plan_of(in->change, in->type == "UPDATE" ? &stack : nullptr, t));
  const std::string id = text_of(stack, "Id");
  if (staged.get(set_key(id, in->name)))
    return Error{400,
                 "AlreadyExistsException",
                 "ChangeSet " + in->name +
                     " cannot be created due to a mismatch with existing attribute Template",
                 {}};
  size_t count = 0;
  staged.snapshot().scan(sets_of(id), "", false, [&](std::string_view, std::string_view) {
    return ++count < kChangeSetsMax;
  });
  if (count >= kChangeSetsMax)
    return Error{400,
                 "LimitExceededException",
                 "A stack has at most " + std::to_string(kChangeSetsMax) + " change sets.",
                 {}};
  bool outputs_differ = false;
  TRY(const auto changes,
      differences(stack, t, parameters_of(plan), staged.snapshot(), outputs_differ));
  const bool empty = in->type == "UPDATE" && changes.empty() && !outputs_differ;
  const Scope& scope = staged.snapshot().scope();
  json::object set{
      {"Name", in->name},
      {"Arn", make_arn(scope, "cloudformation",
                       "changeSet/" + in->name + "/" + text_of(stack, "Name") + "/" + id)},
      {"Type", in->type},
      {"Description", in->description},
      {"Created", in.time()},
      {"Executed", false},
      {"Status", empty ? "FAILED" : "CREATE_COMPLETE"},
      {"Reason", empty ? "The submitted information didn't contain changes. Submit different "
                         "information to create a change set."
                       : ""},
      {"Plan", plan},
      {"Changes", changes_json(changes)},
      {"Base", int_of(stack, "Events")},
      {"OnFailure", in->change.on_failure}};
  staged.put_json(set_key(id, in->name), set);
  return XmlOut{XmlWriter(XmlWriter::Fragment{})
                    .element("Id", text_of(set, "Arn"))
                    .element("StackId", text_of(stack, "Arn"))
                    .take(),
                json::object{{"id", text_of(set, "Arn")}, {"stackId", text_of(stack, "Arn")}}};
}

Result<XmlOut> DescribeChangeSet::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const Found found, find_set(s, *in));
  XmlWriter xml{XmlWriter::Fragment{}};
  write_summary(xml, found.stack, found.set);
  const json::object& plan = found.set.at("Plan").as_object();
  std::set<std::string> hidden;
  if (const auto t = parse_template(text_of(plan, "Template")))
    for (const Parameter& p : t->parameters)
      if (p.no_echo) hidden.insert(p.name);
  xml.open("Parameters");
  for (const auto& [name, value] : parameters_of(plan))
    xml.open("member")
        .element("ParameterKey", name)
        .element("ParameterValue", hidden.contains(name) ? "****" : value)
        .close("member");
  xml.close("Parameters").open("Capabilities");
  for (const json::value& one : plan.at("Capabilities").as_array())
    xml.element("member", std::string_view(one.as_string()));
  xml.close("Capabilities").open("Changes");
  for (const json::value& one : found.set.at("Changes").as_array()) {
    const json::object& change = one.as_object();
    xml.open("member")
        .element("Type", "Resource")
        .open("ResourceChange")
        .element("Action", text_of(change, "Action"))
        .element("LogicalResourceId", text_of(change, "Logical"));
    if (const std::string physical = text_of(change, "Physical"); !physical.empty())
      xml.element("PhysicalResourceId", physical);
    xml.element("ResourceType", text_of(change, "Type"));
    if (text_of(change, "Action") == "Modify")
      xml.element("Replacement", bool_of(change, "Replacement") ? "True" : "False")
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
  const std::string status = execution_status(found.stack, found.set),
                    id = text_of(found.stack, "Id");
  if (status != "AVAILABLE")
    return Error{400,
                 "InvalidChangeSetStatus",
                 "ChangeSet [" + text_of(found.set, "Arn") +
                     "] cannot be executed in its current status of [" +
                     (status == "UNAVAILABLE" ? text_of(found.set, "Status") : status) + "]",
                 {}};
  const json::object& plan = found.set.at("Plan").as_object();
  const bool create = text_of(found.set, "Type") == "CREATE";
  if (create) {
    for (const auto& [key, value] : plan) found.stack[key] = value;
    found.stack["OnFailure"] = text_of(found.set, "OnFailure");
  } else {
    found.stack["Next"] = plan;
    found.stack["Updated"] = in.time();
  }
  // The others do not fit the stack any more.
  staged.snapshot().scan(sets_of(id), "", false, [&](std::string_view key, std::string_view) {
    staged.erase({Family::meta, std::string(key)});
    return true;
  });
  found.set["Executed"] = true;
  staged.put_json(set_key(id, in->name), found.set);
  CHECK(hand_over(staged, found.stack, create ? "create" : "update", in.facts()));
  return XmlOut{};
}

Result<XmlOut> DeleteChangeSet::run(const Authorized<In>& in, Staged& staged) {
  const auto stack = find_stack(staged, in->stack);
  if (!stack) return validation("Stack [" + in->stack + "] does not exist");
  staged.erase(set_key(text_of(*stack, "Id"), in->name));  // what is gone is a success
  return XmlOut{};
}

Result<XmlOut> ListChangeSets::run(const Authorized<In>& in, const Snapshot& s) {
  const auto stack = find_stack(s, in->stack);
  if (!stack) return validation("Stack [" + in->stack + "] does not exist");
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("Summaries");
  s.scan(sets_of(text_of(*stack, "Id")), "", false, [&](std::string_view, std::string_view value) {
    const auto set = parse_json_object(value);
    if (!set) return true;
    xml.open("member");
    write_summary(xml, *stack, *set);
    xml.close("member");
    return true;
  });
  xml.close("Summaries");
  return XmlOut{xml.take()};
}

}  // namespace sluice::cloudformation
