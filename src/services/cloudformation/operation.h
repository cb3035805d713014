// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the operations share: reading the query protocol's lists, the needs, the words of a stack.
#include "base/xml.h"
#include "request/audit.h"
#include "services/cloudformation/stacks.h"

namespace sluice::cloudformation {

// Fields "List.member.1.Name" and "List.member.1" (name ""), in order of their numbers; at most
// `max`, else ValidationError.
using Member = std::map<std::string, std::string>;
Result<std::vector<Member>> members(const Request& request, std::string_view list, size_t max);
Result<std::string> stack_name_of(const Request& request);  // StackName: a name or an ARN
Error no_such_stack(const std::string& name);               // "Stack with id X does not exist"
// cloudformation:<Action> on the stack's ARN; on stack/<name>/* while there is none of that name.
Need stack_need(std::string_view action, const std::string& name_or_arn, const Snapshot& snapshot);
// requestParameters of every operation here: no template, of parameters the names alone, since both
// may hold secrets.
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
  json::value recorded = {};
};  // recorded: responseElements
inline Response render_xml(const XmlOut& out) { return {200, {}, out.body, nullptr, 0}; }

}  // namespace sluice::cloudformation
