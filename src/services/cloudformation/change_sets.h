// SPDX-License-Identifier: Apache-2.0
#pragma once
// Change sets: CreateChangeSet, DescribeChangeSet, ExecuteChangeSet, DeleteChangeSet and
// ListChangeSets, which `aws cloudformation deploy` uses. When CreateChangeSet answers, the change
// set is complete or has failed. It becomes OBSOLETE when its stack is changed otherwise.
//
//   constexpr auto rows = table<CreateChangeSet, DescribeChangeSet, ExecuteChangeSet>();
#include "services/cloudformation/changes.h"

namespace sluice::cloudformation {

// How many change sets a stack may have.
constexpr size_t kChangeSetsMax = 100;
struct ChangeSetIn {
  // `name` may be the ARN, which also tells the stack.
  std::string stack, name, type, description;
  ChangeIn change;
};

template <class Self>
struct OnChangeSet {
  using In = ChangeSetIn;
  using Out = XmlOut;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{stack_need(Self::action, in.stack, s)};
  }
  static Response render(const Out& out) { return render_xml(out); }
  static json::value audit(const Request& request) { return shown(request); }
  static json::value audit_result(const Out& out) { return out.recorded; }
};
#define SLUICE_CHANGE_SET(operation, state)                                                     \
  struct operation : OnChangeSet<operation> {                                                   \
    static constexpr std::string_view name = #operation, action = "cloudformation:" #operation; \
    static Result<Out> run(const Authorized<In>& in, state);                                    \
  }
// With the type CREATE it leaves a stack in REVIEW_IN_PROGRESS. Errors: those of CreateStack and
// UpdateStack.
SLUICE_CHANGE_SET(CreateChangeSet, Staged& staged);
// Errors: ChangeSetNotFound 404.
SLUICE_CHANGE_SET(DescribeChangeSet, const Snapshot& s);
// Errors: ChangeSetNotFound, InvalidChangeSetStatus.
SLUICE_CHANGE_SET(ExecuteChangeSet, Staged& staged);
SLUICE_CHANGE_SET(DeleteChangeSet, Staged& staged);
SLUICE_CHANGE_SET(ListChangeSets, const Snapshot& s);
#undef SLUICE_CHANGE_SET

}  // namespace sluice::cloudformation
