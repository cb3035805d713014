// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a stack and a template are: DescribeStacks, ListStacks, DescribeStackEvents,
// DescribeStackResource(s), ListStackResources, GetTemplate, GetTemplateSummary, ValidateTemplate.
// Needs: cloudformation:<Action> on the stack's ARN; on * without a stack.
#include "services/cloudformation/operation.h"

namespace sluice::cloudformation {

constexpr size_t kPageStacks = 50, kPageEvents = 100;

// DescribeStacks: one by name or ARN, or all live ones, 50 a page. Error: ValidationError "Stack
// with id X does not exist".
struct DescribeStacks : OnStack<DescribeStacks> {
  static constexpr std::string_view name = "DescribeStacks",
                                    action = "cloudformation:DescribeStacks";
  using Out = XmlOut;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static Response render(const Out& out) { return render_xml(out); }
};
// ListStacks: also those deleted in the last 90 days, 50 a page.
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
SLUICE_DESCRIBES_STACK(DescribeStackEvents);  // newest first, 100 a page
SLUICE_DESCRIBES_STACK(DescribeStackResources);
SLUICE_DESCRIBES_STACK(DescribeStackResource);
SLUICE_DESCRIBES_STACK(ListStackResources);
SLUICE_DESCRIBES_STACK(GetTemplate);
#undef SLUICE_DESCRIBES_STACK

// Both take a template's text; GetTemplateSummary takes a stack instead, too.
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
