// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the operations of CloudFormation share: what they need, and what a stack is called.
//
//   TRY(const std::string stack, stack_name_of(request));
//   return std::vector<Need>{stack_need("cloudformation:DeleteStack", stack, snapshot)};
#include "base/xml.h"
#include "request/audit.h"
#include "request/query_list.h"
#include "services/cloudformation/stacks.h"

namespace sluice::cloudformation {

// StackName, which may be a name or an ARN.
Result<std::string> stack_name_of(const Request& request);
// "Stack with id X does not exist"
Error no_such_stack(const std::string& name);
// cloudformation:<Action> on the stack's ARN, or on stack/<name>/* when there is no such stack.
Need stack_need(std::string_view action, const std::string& name_or_arn, const Snapshot& snapshot);
// requestParameters of every operation here. The template is left out, and of parameters only the
// names are shown, because both may hold secrets.
json::value shown(const Request& request);
inline Response xml_body(XmlWriter xml) { return {200, {}, xml.take(), nullptr, 0}; }

struct StackIn {
  std::string stack, logical, token;
};
template <class Self>
struct OnStack {
  using In = StackIn;
  static Result<In> parse(const Request& request) {
    In in;
    TRY(in.stack, stack_name_of(request));
    in.logical = request.query_text("LogicalResourceId");
    in.token = request.query_text("NextToken");
    return in;
  }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{stack_need(Self::action, in.stack, s)};
  }
  static json::value audit(const Request& request) { return shown(request); }
};
struct XmlOut {
  std::string body;
  json::value recorded = {};  // responseElements
};
inline Response render_xml(const XmlOut& out) { return {200, {}, out.body, nullptr, 0}; }

}  // namespace sluice::cloudformation
