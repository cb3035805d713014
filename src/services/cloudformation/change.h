// SPDX-License-Identifier: Apache-2.0
#pragma once
// One change of one stack, from its first event to its last: create, update, delete, and their
// rollbacks. Every step is stored before and after its call, so that a change can be taken up again
// after the server was stopped.
//
//   Change change(ports, stack, job, stopping);
//   change.run(work.kind, owner);   // "create", "update" or "delete"
#include <functional>

#include "services/cloudformation/resolve.h"
#include "services/cloudformation/stacks.h"
#include "services/cloudformation/types.h"
#include "store/jobs.h"

namespace sluice::cloudformation {

// The resources of a stack, by their logical ids.
using Resources = std::map<std::string, StackResource>;
// The values of a template, with the resources of the stack that exist.
Values values_of(const Stack& stack, const Template& t, const ParameterValues& parameters,
                 const Scope& scope, const Resources& records);
// What is different between the stack as it is and a template. A change set lists it; when nothing
// is, "No updates are to be performed."
struct Difference {
  // `action` is Add, Modify or Remove; `replacement` is the property that asks for one, or "".
  std::string action, logical, physical, type, replacement;
};
Result<std::vector<Difference>> differences(const Stack& stack, const Template& wanted,
                                            const ParameterValues& parameters,
                                            const Snapshot& snapshot, bool& outputs_differ);

class Change {
 public:
  // `stopping` is asked between calls. A change that stops is taken up at the next start.
  Change(const Ports& ports, Stack stack, const Job& job, const Stopping& stopping);
  // `owner` is in whose name the calls are made. When it is an error, the stack is left as failed.
  void run(const std::string& kind, const Result<Caller>& owner);

 private:
  // An error with the code kStopped means: give up without a word.
  using Step = Result<Done>;
  Step create();
  Step update();
  Step remove();
  Step take_up();  // after a restart
  Step finish(std::string_view status, const std::string& reason);

  Step make(const ResourceSpec& spec, const Template& t, const ParameterValues& parameters,
            bool in_update);
  Step alter(const ResourceSpec& spec, const Template& t, const ParameterValues& parameters,
             StackResource& record);
  Step apply(StackResource& record, const json::object& before, const json::object& after);
  Step roll_back_create(const std::string& why);
  Step roll_back_update(const std::string& why);
  Step clean_up_update(const Template& wanted, const ParameterValues& parameters);
  Step finish_update_rollback();
  // Removes the resources that `wanted` picks, each before those that it depends on. Returns the
  // names of those that failed.
  Result<std::string> remove_all(const std::function<bool(const StackResource&)>& wanted,
                                 bool rolling_back_create);
  Step remove_one(StackResource& record, std::string& failed);
  Step settle_unfinished();
  void forget_before();

  Step keep(const std::function<void(Staged&)>& fn);
  Step record_event(StackResource& record, std::string_view status, const std::string& reason,
                    const std::string& properties = {});
  Result<std::vector<Output>> outputs(const Template& t, const ParameterValues& parameters);
  const Calls& calls() const { return *calls_; }

  const Ports& ports_;
  Stack stack_;
  const std::string id_;
  const Job& job_;
  const Stopping& stopping_;
  std::optional<Calls> calls_;
  Resources records_;
};

}  // namespace sluice::cloudformation
