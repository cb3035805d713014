// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a stack and a template are: DescribeStacks, ListStacks, DescribeStackEvents,
// DescribeStackResource(s), ListStackResources, GetTemplate, GetTemplateSummary and
// ValidateTemplate. Each needs cloudformation:<Action> on the stack's ARN, or on * when it names no
// stack.
//
//   SLUICE_DESCRIBES_STACK(GetTemplate);
//   Result<XmlOut> GetTemplate::run(const Authorized<In>& in, const Snapshot& s) { ... }
#include "services/cloudformation/operation.h"

namespace sluice::cloudformation {

constexpr size_t kPageStacks = 50, kPageEvents = 100;

// DescribeStacks: one stack by its name or ARN, or all that are not deleted, 50 a page. Errors:
// ValidationError "Stack with id X does not exist".
struct DescribeStacks : OnStack<DescribeStacks> {
  static constexpr std::string_view name = "DescribeStacks",
                                    action = "cloudformation:DescribeStacks";
  using Out = XmlOut;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static Response render(const Out& out) { return render_xml(out); }
};
// ListStacks: also stacks that were deleted in the last 90 days, 50 a page.
struct ListStacks {
  static constexpr std::string_view name = "ListStacks", action = "cloudformation:ListStacks";
  struct In {
    std::vector<std::string> statuses;
    std::string token;
  };
  using Out = XmlOut;
  static Result<In> parse(const Request& request);
  static json::value audit(const Request& request) { return shown(request); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static Response render(const Out& out) { return render_xml(out); }
};
#define SLUICE_DESCRIBES_STACK(operation)                                                       \
  struct operation : OnStack<operation> {                                                       \
    static constexpr std::string_view name = #operation, action = "cloudformation:" #operation; \
    using Out = XmlOut;                                                                         \
    static Result<Out> run(const Authorized<In>& in, const Snapshot& s);                        \
    static Response render(const Out& out) { return render_xml(out); }                          \
  }
// The newest event first, 100 a page.
SLUICE_DESCRIBES_STACK(DescribeStackEvents);
SLUICE_DESCRIBES_STACK(DescribeStackResources);
SLUICE_DESCRIBES_STACK(DescribeStackResource);
SLUICE_DESCRIBES_STACK(ListStackResources);
SLUICE_DESCRIBES_STACK(GetTemplate);
#undef SLUICE_DESCRIBES_STACK

// Both take the text of a template. GetTemplateSummary can also take a stack.
template <class Self>
struct OnTemplate {
  struct In {
    std::string stack, body;
  };
  using Out = XmlOut;
  static Result<In> parse(const Request& request) {
    if (request.query_value("TemplateURL"))
      return validation("TemplateURL is not implemented by Sluice; send TemplateBody.");
    return In{request.query_text("StackName"), request.query_text("TemplateBody")};
  }
  static json::value audit(const Request& request) { return shown(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{stack_need(Self::action, in.stack, s)};
  }
  static Response render(const Out& out) { return render_xml(out); }
};
struct GetTemplateSummary : OnTemplate<GetTemplateSummary> {
  static constexpr std::string_view name = "GetTemplateSummary",
                                    action = "cloudformation:GetTemplateSummary";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct ValidateTemplate : OnTemplate<ValidateTemplate> {
  static constexpr std::string_view name = "ValidateTemplate",
                                    action = "cloudformation:ValidateTemplate";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

}  // namespace sluice::cloudformation
