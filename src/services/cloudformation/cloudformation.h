// SPDX-License-Identifier: Apache-2.0
#pragma once
// AWS CloudFormation: stacks. Source: CloudFormation API Reference 2010-05-15; CloudFormation User
// Guide, "Template anatomy", "Intrinsic function reference", "AWS CloudFormation quotas".
//
//   Ports ports{.services = {&cloudformation::service}};
//   cloudformation::serve_changes(ports);   // does the work from now on
//
// The resources of a stack are made by the same operations as those of a client, through
// Ports::dispatcher, in the name of whoever asked for the change. The job holds the sealed session
// token of that caller, who is opened again from it, also after a restart. His role must still
// exist with the same id, and its policies of that moment decide. As on AWS, a change that has
// begun outlives the session. One change is worked on at a time. When the server stops during a
// create or an update, the next start rolls it back.
#include "request/ports.h"

namespace sluice {

namespace cloudformation {
constexpr size_t kTemplateBytesMax = 51'200, kTemplateDepthMax = 64;
constexpr size_t kResourcesMax = 500, kParametersMax = 200, kOutputsMax = 200,
                 kParameterBytesMax = 4096, kResolvedBytesMax = 1 << 20;
constexpr size_t kStackNameMax = 128, kStacksMax = 2000, kEventsKept = 5000,
                 kEventPropertiesMax = 8192;
constexpr int64_t kDeletedStackKeptMs = 90LL * 86'400'000;

extern const Service service;
// Does the jobs of the queue "cloudformation.work" from now on. It stops after the call that is
// running; what is not finished then is rolled back at the next start. `ports` must outlive the
// jobs.
void serve_changes(const Ports& ports);
}  // namespace cloudformation

}  // namespace sluice
