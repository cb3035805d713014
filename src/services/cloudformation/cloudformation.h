// SPDX-License-Identifier: Apache-2.0
#pragma once
// AWS CloudFormation: stacks. Source: CloudFormation API Reference 2010-05-15; CloudFormation User
// Guide, "Template anatomy", "Intrinsic function reference", "AWS CloudFormation quotas".
//
// A stack's resources are made by the same operations as a client's, through Ports::dispatcher, in
// the name of whoever asked for the change: the work item holds that caller's sealed session token,
// from which the caller is opened again, also after a restart. The caller's role must still exist,
// with the same id; its policies as they are then decide. As on AWS, a change that has begun
// outlives the session. One change is worked on at a time. A server that stops during a create or
// update rolls it back at its next start.
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
// Does the jobs of the queue "cloudformation.work" from now on; stops after the call that runs, and
// what is left is rolled back at the next start. `ports` must outlive the jobs.
void serve_changes(const Ports& ports);
}  // namespace cloudformation

}  // namespace sluice
