// SPDX-License-Identifier: Apache-2.0
#include "services/cloudformation/describe.h"

#include <algorithm>
#include <set>

namespace sluice::cloudformation {
namespace {
void optional_element(XmlWriter& xml, std::string_view name, const std::string& text) {
  if (!text.empty()) xml.element(name, text);
}
std::set<std::string> hidden_parameters(const Stack& stack) {
  std::set<std::string> hidden;
  const auto t = parse_template(stack.body);
  if (!t)
    for (const auto& [name, value] : stack.parameters) hidden.insert(name);
  else
    for (const Parameter& p : t->parameters)
      if (p.no_echo) hidden.insert(p.name);
  return hidden;
}
void write_stack(XmlWriter& xml, const Stack& stack) {
  xml.open("member").element("StackId", stack.arn).element("StackName", stack.name);
  optional_element(xml, "Description", stack.description);
  const auto hidden = hidden_parameters(stack);
  xml.open("Parameters");
  for (const auto& [name, value] : stack.parameters)
    xml.open("member")
        .element("ParameterKey", name)
        .element("ParameterValue", hidden.contains(name) ? "****" : value)
        .close("member");
  xml.close("Parameters").element("CreationTime", iso_millis(stack.created));
  if (stack.updated) xml.element("LastUpdatedTime", iso_millis(stack.updated));
  if (stack.deleted) xml.element("DeletionTime", iso_millis(stack.deleted));
  xml.open("RollbackConfiguration")
      .close("RollbackConfiguration")
      .element("StackStatus", stack.status);
  optional_element(xml, "StackStatusReason", stack.reason);
  xml.element("DisableRollback", stack.on_failure == "DO_NOTHING" ? "true" : "false")
      .open("NotificationARNs")
      .close("NotificationARNs");
  xml.open("Capabilities");
  for (const std::string& one : stack.capabilities) xml.element("member", one);
  xml.close("Capabilities").open("Outputs");
  for (const Output& one : stack.outputs) {
    xml.open("member").element("OutputKey", one.key).element("OutputValue", one.value);
    optional_element(xml, "Description", one.description);
    xml.close("member");
  }
  xml.close("Outputs").open("Tags").close("Tags").element("EnableTerminationProtection", "false");
  xml.open("DriftInformation")
      .element("StackDriftStatus", "NOT_CHECKED")
      .close("DriftInformation")
      .close("member");
}
bool is_gone(const Stack& stack) { return stack.status == "DELETE_COMPLETE"; }

// Stacks in the order of their ids, after `token`. Returns the next token.
std::string each_stack(const Snapshot& s, const std::string& token,
                       const std::function<bool(const Stack&)>& show) {
  std::string last, next;
  size_t shown = 0;
  s.scan(RecordPrefix<Stack>{}, token.empty() ? "" : stack_key(token).bytes, false,
         [&](std::string_view, const Stack& stack) {
           if (stack.id == token) return true;
           if (shown == kPageStacks) {
             next = last;
             return false;
           }
           if (show(stack)) {
             ++shown;
             last = stack.id;
           }
           return true;
         });
  return next;
}
Result<std::shared_ptr<const Stack>> stack_of(const Snapshot& s, const std::string& name) {
  auto stack = find_stack(s, name);
  if (!stack) return no_such_stack(name);
  return stack;
}
void write_resource(XmlWriter& xml, const Stack& stack, const StackResource& record, bool summary,
                    const char* time_name) {
  if (!summary) xml.element("StackName", stack.name).element("StackId", stack.arn);
  xml.element("LogicalResourceId", record.name);
  optional_element(xml, "PhysicalResourceId", record.physical);
  xml.element("ResourceType", record.type)
      .element(time_name, iso_millis(record.time))
      .element("ResourceStatus", record.status);
  optional_element(xml, "ResourceStatusReason", record.reason);
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
      if (const json::value* allowed = p.rules.if_contains("AllowedValues")) {
        xml.open("AllowedValues");
        for (const json::value& one : allowed->as_array())
          xml.element("member", std::string_view(one.as_string()));
        xml.close("AllowedValues");
      }
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
  std::set<std::string> types;
  for (const ResourceSpec& spec : t.resources)
    if (is_iam_type(spec.type)) types.insert(spec.type);
  std::string listed;
  for (const std::string& type : types) listed += (listed.empty() ? "" : ", ") + type;
  if (!needed.empty())
    xml.element("CapabilitiesReason",
                "The following resource(s) require capabilities: [" + listed + "]");
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
    next = each_stack(s, in->token, [&](const Stack& stack) {
      if (is_gone(stack)) return false;
      write_stack(xml, stack);
      return true;
    });
  } else {
    TRY(const auto stack, stack_of(s, in->stack));
    write_stack(xml, *stack);
  }
  xml.close("Stacks");
  optional_element(xml, "NextToken", next);
  return XmlOut{xml.take()};
}

Result<ListStacks::In> ListStacks::parse(const Request& request) {
  In in{{}, request.query_text("NextToken")};
  TRY(const auto filter, list_members(request, "StackStatusFilter", 30));
  for (ListMember one : filter) in.statuses.push_back(one[""]);
  return in;
}
Result<XmlOut> ListStacks::run(const Authorized<In>& in, const Snapshot& s) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("StackSummaries");
  const std::string next = each_stack(s, in->token, [&](const Stack& stack) {
    if (!in->statuses.empty() &&
        std::find(in->statuses.begin(), in->statuses.end(), stack.status) == in->statuses.end())
      return false;
    xml.open("member").element("StackId", stack.arn).element("StackName", stack.name);
    optional_element(xml, "TemplateDescription", stack.description);
    xml.element("CreationTime", iso_millis(stack.created));
    if (stack.updated) xml.element("LastUpdatedTime", iso_millis(stack.updated));
    if (stack.deleted) xml.element("DeletionTime", iso_millis(stack.deleted));
    xml.element("StackStatus", stack.status);
    optional_element(xml, "StackStatusReason", stack.reason);
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
  TRY(const auto stack, stack_of(s, in->stack));
  const std::string& id = stack->id;
  const auto before = in->token.empty() ? std::optional<int64_t>(0) : parse_int(in->token);
  if (!before || *before < 0)
    return validation("NextToken is not one that DescribeStackEvents gave.");
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("StackEvents");
  size_t shown = 0;
  int64_t next = 0;
  s.scan(RecordPrefix<StackEvent>{id}, *before ? event_key(id, *before).bytes : "", true,
         [&](std::string_view key, const StackEvent& event) {
           const auto number = static_cast<int64_t>(from_big_endian64(schema::parts(key).at(1)));
           if (*before && number >= *before) return true;
           if (shown++ == kPageEvents) {
             next = number + 1;
             return false;
           }
           xml.open("member")
               .element("StackId", stack->arn)
               .element("EventId", event.id)
               .element("StackName", stack->name)
               .element("LogicalResourceId", event.logical);
           xml.element("PhysicalResourceId", event.physical)
               .element("ResourceType", event.type)
               .element("Timestamp", iso_millis(event.time))
               .element("ResourceStatus", event.status);
           optional_element(xml, "ResourceStatusReason", event.reason);
           optional_element(xml, "ResourceProperties", event.properties);
           xml.close("member");
           return true;
         });
  xml.close("StackEvents");
  if (next) xml.element("NextToken", std::to_string(next));
  return XmlOut{xml.take()};
}

Result<XmlOut> DescribeStackResources::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const auto stack, stack_of(s, in->stack));
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("StackResources");
  for (const StackResource& record : resources(s, stack->id)) {
    if (!in->logical.empty() && record.name != in->logical) continue;
    xml.open("member");
    write_resource(xml, *stack, record, false, "Timestamp");
    xml.close("member");
  }
  xml.close("StackResources");
  return XmlOut{xml.take()};
}
Result<XmlOut> DescribeStackResource::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const auto stack, stack_of(s, in->stack));
  const auto record = s.get(resource_key(stack->id, in->logical));
  if (!record)
    return validation("Resource " + in->logical.substr(0, 255) + " does not exist for stack " +
                      stack->name);
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("StackResourceDetail");
  write_resource(xml, *stack, *record, false, "LastUpdatedTimestamp");
  xml.close("StackResourceDetail");
  return XmlOut{xml.take()};
}
Result<XmlOut> ListStackResources::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const auto stack, stack_of(s, in->stack));
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("StackResourceSummaries");
  for (const StackResource& record : resources(s, stack->id)) {
    xml.open("member");
    write_resource(xml, *stack, record, true, "LastUpdatedTimestamp");
    xml.close("member");
  }
  xml.close("StackResourceSummaries");
  return XmlOut{xml.take()};
}

Result<XmlOut> GetTemplate::run(const Authorized<In>& in, const Snapshot& s) {
  const auto stack = find_stack(s, in->stack);
  if (!stack) return validation("Stack with id " + in->stack + " does not exist");
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.element("TemplateBody", stack->body)
      .open("StagesAvailable")
      .element("member", "Original")
      .element("member", "Processed")
      .close("StagesAvailable");
  return XmlOut{xml.take()};
}
Result<XmlOut> GetTemplateSummary::run(const Authorized<In>& in, const Snapshot& s) {
  std::string body = in->body;
  if (!in->stack.empty()) {
    TRY(const auto stack, stack_of(s, in->stack));
    body = stack->body;
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
