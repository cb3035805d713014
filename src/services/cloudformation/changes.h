// SPDX-License-Identifier: Apache-2.0
#pragma once
// CreateStack, UpdateStack and DeleteStack. Each checks all that can be known at once, stores the
// work as a job, and answers. The job makes the change (change.h).
//
//   TRY(Stack stack, new_stack(staged, in->stack, in.time()));
//   CHECK(hand_over(staged, stack, "create", in.facts()));
#include "services/cloudformation/operation.h"

namespace sluice::cloudformation {

struct ChangeIn {
  std::string stack, body, on_failure = "ROLLBACK";
  bool use_previous = false;
  ParameterValues parameters;
  std::vector<std::string> previous_parameters, capabilities, retain;
};
Result<ChangeIn> parse_change(const Request& request);
struct IdOut {
  std::string id;
};
inline Response render_id(const IdOut& out) {
  return out.id.empty() ? Response{}
                        : xml_body(XmlWriter(XmlWriter::Fragment{}).element("StackId", out.id));
}

template <class Self>
struct ChangesStack {
  using In = ChangeIn;
  using Out = IdOut;
  static Result<In> parse(const Request& request) { return parse_change(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{stack_need(Self::action, in.stack, s)};
  }
  static Response render(const Out& out) { return render_id(out); }
  static json::value audit(const Request& request) { return shown(request); }
  static json::value audit_result(const Out& out) {
    return out.id.empty() ? json::value() : json::value(json::object{{"stackId", out.id}});
  }
};
// CreateStack:
//   https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
// Errors: AlreadyExistsException, InsufficientCapabilitiesException, LimitExceededException,
// ValidationError. It differs from AWS's: there are no TemplateURL, RoleARN, NotificationARNs,
// StackPolicy, RollbackConfiguration, TimeoutInMinutes and Tags, and template.h says what a
// template may have.
struct CreateStack : ChangesStack<CreateStack> {
  static constexpr std::string_view name = "CreateStack", action = "cloudformation:CreateStack";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
// UpdateStack. Errors: those of CreateStack; ValidationError "No updates are to be performed." It
// differs from AWS's: a change that needs a replacement is refused and rolled back.
struct UpdateStack : ChangesStack<UpdateStack> {
  static constexpr std::string_view name = "UpdateStack", action = "cloudformation:UpdateStack";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
// DeleteStack. It succeeds when there is no such stack. Errors: ValidationError while another
// change runs.
struct DeleteStack : ChangesStack<DeleteStack> {
  static constexpr std::string_view name = "DeleteStack", action = "cloudformation:DeleteStack";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};

// What the stack is to become by a request. `t` becomes the parsed template. Change sets use this
// too, and the next two.
Result<Plan> plan_of(const ChangeIn& in, const Plan* existing, Template& t);
// Takes the name for a new stack. The caller stores the record.
Result<Stack> new_stack(Staged& staged, const std::string& name, Time time);
// Enqueues the job that makes the change, and stores the stack.
Result<Done> hand_over(Staged& staged, Stack& stack, std::string_view kind, const Request& facts);

}  // namespace sluice::cloudformation
