// SPDX-License-Identifier: Apache-2.0
#include "services/cloudformation/describe.h"

#include <algorithm>
#include <set>

namespace sluice::cloudformation {
namespace {
void optional_element(XmlWriter& xml, std::string_view name, const std::string& text) {
  if (!text.empty()) xml.element(name, text);
}
void write_list(XmlWriter& xml, std::string_view name, const json::value* list) {
  xml.open(name);
  if (list)
    for (const json::value& one : list->as_array())
      xml.element("member", std::string_view(one.as_string()));
  xml.close(name);
}
std::set<std::string> hidden_parameters(const json::object& stack) {
  std::set<std::string> hidden;
  const auto t = parse_template(text_of(stack, "Template"));
  if (!t)
    for (const auto& [name, value] : parameters_of(stack)) hidden.insert(name);
  else
    for (const Parameter& p : t->parameters)
      if (p.no_echo) hidden.insert(p.name);
  return hidden;
}
void write_stack(XmlWriter& xml, const json::object& stack) {
  xml.open("member")
      .element("StackId", text_of(stack, "Arn"))
      .element("StackName", text_of(stack, "Name"));
  optional_element(xml, "Description", text_of(stack, "Description"));
  const auto hidden = hidden_parameters(stack);
  xml.open("Parameters");
  for (const auto& [name, value] : parameters_of(stack))
    xml.open("member")
        .element("ParameterKey", name)
        .element("ParameterValue", hidden.contains(name) ? "****" : value)
        .close("member");
  xml.close("Parameters").element("CreationTime", iso_millis(int_of(stack, "Created")));
  if (const int64_t updated = int_of(stack, "Updated"))
    xml.element("LastUpdatedTime", iso_millis(updated));
  if (const int64_t deleted = int_of(stack, "Deleted"))
    xml.element("DeletionTime", iso_millis(deleted));
  xml.open("RollbackConfiguration")
      .close("RollbackConfiguration")
      .element("StackStatus", text_of(stack, "Status"));
  optional_element(xml, "StackStatusReason", text_of(stack, "Reason"));
  xml.element("DisableRollback", text_of(stack, "OnFailure") == "DO_NOTHING" ? "true" : "false")
      .open("NotificationARNs")
      .close("NotificationARNs");
  write_list(xml, "Capabilities", stack.if_contains("Capabilities"));
  xml.open("Outputs");
  for (const json::value& one : stack.at("Outputs").as_array()) {
    xml.open("member")
        .element("OutputKey", text_of(one.as_object(), "Key"))
        .element("OutputValue", text_of(one.as_object(), "Value"));
    optional_element(xml, "Description", text_of(one.as_object(), "Description"));
    xml.close("member");
  }
  xml.close("Outputs").open("Tags").close("Tags").element("EnableTerminationProtection", "false");
  xml.open("DriftInformation")
      .element("StackDriftStatus", "NOT_CHECKED")
      .close("DriftInformation")
      .close("member");
}
bool is_gone(const json::object& stack) { return text_of(stack, "Status") == "DELETE_COMPLETE"; }

// Stacks in the order of their ids, after `token`. Returns the next token.
std::string each_stack(const Snapshot& s, const std::string& token,
                       const std::function<bool(const json::object&)>& show) {
  std::string last, next;
  size_t shown = 0;
  s.scan(schema::prefix(Family::meta, "cloudformation.stack", {}),
         token.empty() ? "" : stack_key(token).bytes, false,
         [&](std::string_view key, std::string_view value) {
           const std::string id = schema::parts(key).at(0);
           const auto stack = id == token ? std::nullopt : std::optional(parse_json_object(value));
           if (!stack || !*stack) return true;
           if (shown == kPageStacks) {
             next = last;
             return false;
           }
           if (show(**stack)) {
             ++shown;
             last = id;
           }
           return true;
         });
  return next;
}
Result<json::object> stack_of(const Snapshot& s, const std::string& name) {
  auto stack = find_stack(s, name);
  if (!stack) return no_such_stack(name);
  return *std::move(stack);
}
void write_resource(XmlWriter& xml, const json::object& stack, const json::object& record,
                    bool summary, const char* time_name) {
  if (!summary)
    xml.element("StackName", text_of(stack, "Name")).element("StackId", text_of(stack, "Arn"));
  xml.element("LogicalResourceId", text_of(record, "Name"));
  optional_element(xml, "PhysicalResourceId", text_of(record, "Physical"));
  xml.element("ResourceType", text_of(record, "Type"))
      .element(time_name, iso_millis(int_of(record, "Time")))
      .element("ResourceStatus", text_of(record, "Status"));
  optional_element(xml, "ResourceStatusReason", text_of(record, "Reason"));
  xml.open("DriftInformation")
      .element("StackResourceDriftStatus", "NOT_CHECKED")
      .close("DriftInformation");
}
void write_parameters(XmlWriter& xml, const Template& t, bool summary) {
  xml.open("Parameters");
  for (const Parameter& p : t.parameters) {
    xml.open("member").element("ParameterKey", p.name);
    if (p.fallback) xml.element("DefaultValue", p.no_echo ? "****" : *p.fallback);
    if (summary) xml.element("ParameterType", p.type);
    xml.element("NoEcho", p.no_echo ? "true" : "false");
    optional_element(xml, "Description", p.description);
    if (summary) {
      xml.open("ParameterConstraints");
      if (p.rules.contains("AllowedValues"))
        write_list(xml, "AllowedValues", p.rules.if_contains("AllowedValues"));
      xml.close("ParameterConstraints");
    }
    xml.close("member");
  }
  xml.close("Parameters");
  optional_element(xml, "Description", t.description);
  const std::string needed = needed_capability(t);
  xml.open("Capabilities");
  if (!needed.empty()) xml.element("member", needed);
  xml.close("Capabilities");
  if (!needed.empty())
    xml.element("CapabilitiesReason",
                "The following resource(s) require capabilities: [AWS::IAM::Role]");
}
}  // namespace

Result<StackIn> DescribeStacks::parse(const Request& request) {
  StackIn in;
  if (request.query_value("StackName")) {
    TRY(in.stack, stack_name_of(request));
  }
  in.token = request.query_text("NextToken");
  return in;
}
Result<XmlOut> DescribeStacks::run(const Authorized<In>& in, const Snapshot& s) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("Stacks");
  std::string next;
  if (in->stack.empty()) {
    next = each_stack(s, in->token, [&](const json::object& stack) {
      if (is_gone(stack)) return false;
      write_stack(xml, stack);
      return true;
    });
  } else {
    TRY(const json::object stack, stack_of(s, in->stack));
    write_stack(xml, stack);
  }
  xml.close("Stacks");
  optional_element(xml, "NextToken", next);
  return XmlOut{xml.take()};
}

Result<ListStacks::In> ListStacks::parse(const Request& request) {
  In in{{}, request.query_text("NextToken")};
  TRY(const auto filter, members(request, "StackStatusFilter", 30));
  for (Member one : filter) in.statuses.push_back(one[""]);
  return in;
}
Result<XmlOut> ListStacks::run(const Authorized<In>& in, const Snapshot& s) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("StackSummaries");
  const std::string next = each_stack(s, in->token, [&](const json::object& stack) {
    if (!in->statuses.empty() && std::find(in->statuses.begin(), in->statuses.end(),
                                           text_of(stack, "Status")) == in->statuses.end())
      return false;
    xml.open("member")
        .element("StackId", text_of(stack, "Arn"))
        .element("StackName", text_of(stack, "Name"));
    optional_element(xml, "TemplateDescription", text_of(stack, "Description"));
    xml.element("CreationTime", iso_millis(int_of(stack, "Created")));
    if (const int64_t updated = int_of(stack, "Updated"))
      xml.element("LastUpdatedTime", iso_millis(updated));
    if (const int64_t deleted = int_of(stack, "Deleted"))
      xml.element("DeletionTime", iso_millis(deleted));
    xml.element("StackStatus", text_of(stack, "Status"));
    optional_element(xml, "StackStatusReason", text_of(stack, "Reason"));
    xml.open("DriftInformation")
        .element("StackDriftStatus", "NOT_CHECKED")
        .close("DriftInformation")
        .close("member");
    return true;
  });
  xml.close("StackSummaries");
  optional_element(xml, "NextToken", next);
  return XmlOut{xml.take()};
}

Result<XmlOut> DescribeStackEvents::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const json::object stack, stack_of(s, in->stack));
  const std::string id = text_of(stack, "Id");
  const auto before = in->token.empty() ? std::optional<int64_t>(0) : parse_int(in->token);
  if (!before || *before < 0)
    return validation("NextToken is not one that DescribeStackEvents gave.");
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("StackEvents");
  size_t shown = 0;
  int64_t next = 0;
  s.scan(events_of(id), *before ? event_key(id, *before).bytes : "", true,
         [&](std::string_view key, std::string_view value) {
           const auto number = static_cast<int64_t>(from_big_endian64(schema::parts(key).at(1)));
           if (*before && number >= *before) return true;
           const auto event = parse_json_object(value);
           if (!event) return true;
           if (shown++ == kPageEvents) {
             next = number + 1;
             return false;
           }
           xml.open("member")
               .element("StackId", text_of(stack, "Arn"))
               .element("EventId", text_of(*event, "Id"))
               .element("StackName", text_of(stack, "Name"))
               .element("LogicalResourceId", text_of(*event, "Logical"));
           xml.element("PhysicalResourceId", text_of(*event, "Physical"))
               .element("ResourceType", text_of(*event, "Type"))
               .element("Timestamp", iso_millis(int_of(*event, "Time")))
               .element("ResourceStatus", text_of(*event, "Status"));
           optional_element(xml, "ResourceStatusReason", text_of(*event, "Reason"));
           optional_element(xml, "ResourceProperties", text_of(*event, "Properties"));
           xml.close("member");
           return true;
         });
  xml.close("StackEvents");
  if (next) xml.element("NextToken", std::to_string(next));
  return XmlOut{xml.take()};
}

Result<XmlOut> DescribeStackResources::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const json::object stack, stack_of(s, in->stack));
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("StackResources");
  for (const json::object& record : resources(s, text_of(stack, "Id"))) {
    if (!in->logical.empty() && text_of(record, "Name") != in->logical) continue;
    xml.open("member");
    write_resource(xml, stack, record, false, "Timestamp");
    xml.close("member");
  }
  xml.close("StackResources");
  return XmlOut{xml.take()};
}
Result<XmlOut> DescribeStackResource::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const json::object stack, stack_of(s, in->stack));
  const auto record = s.get_json(resource_key(text_of(stack, "Id"), in->logical));
  if (!record)
    return validation("Resource " + in->logical.substr(0, 255) + " does not exist for stack " +
                      text_of(stack, "Name"));
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("StackResourceDetail");
  write_resource(xml, stack, *record, false, "LastUpdatedTimestamp");
  xml.close("StackResourceDetail");
  return XmlOut{xml.take()};
}
Result<XmlOut> ListStackResources::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const json::object stack, stack_of(s, in->stack));
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("StackResourceSummaries");
  for (const json::object& record : resources(s, text_of(stack, "Id"))) {
    xml.open("member");
    write_resource(xml, stack, record, true, "LastUpdatedTimestamp");
    xml.close("member");
  }
  xml.close("StackResourceSummaries");
  return XmlOut{xml.take()};
}

Result<XmlOut> GetTemplate::run(const Authorized<In>& in, const Snapshot& s) {
  auto stack = find_stack(s, in->stack);
  if (!stack) return validation("Stack with id " + in->stack + " does not exist");
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.element("TemplateBody", text_of(*stack, "Template"))
      .open("StagesAvailable")
      .element("member", "Original")
      .element("member", "Processed")
      .close("StagesAvailable");
  return XmlOut{xml.take()};
}
Result<XmlOut> GetTemplateSummary::run(const Authorized<In>& in, const Snapshot& s) {
  std::string body = in->body;
  if (!in->stack.empty()) {
    TRY(const json::object stack, stack_of(s, in->stack));
    body = text_of(stack, "Template");
  }
  TRY(const Template t, parse_template(body));
  XmlWriter xml{XmlWriter::Fragment{}};
  write_parameters(xml, t, true);
  std::set<std::string> types;
  for (const ResourceSpec& spec : t.resources) types.insert(spec.type);
  xml.open("ResourceTypes");
  for (const std::string& type : types) xml.element("member", type);
  xml.close("ResourceTypes").element("Version", "2010-09-09");
  return XmlOut{xml.take()};
}
Result<XmlOut> ValidateTemplate::run(const Authorized<In>& in, const Snapshot&) {
  TRY(const Template t, parse_template(in->body));
  XmlWriter xml{XmlWriter::Fragment{}};
  write_parameters(xml, t, false);
  return XmlOut{xml.take()};
}

}  // namespace sluice::cloudformation
