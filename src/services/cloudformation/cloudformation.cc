// SPDX-License-Identifier: Apache-2.0
#include "services/cloudformation/cloudformation.h"

#include "services/cloudformation/change_sets.h"
#include "services/cloudformation/describe.h"

namespace sluice::cloudformation {
namespace {
constexpr auto rows =
    table<CreateStack, UpdateStack, DeleteStack, DescribeStacks, ListStacks, DescribeStackEvents,
          DescribeStackResources, DescribeStackResource, ListStackResources, GetTemplate,
          GetTemplateSummary, ValidateTemplate, CreateChangeSet, DescribeChangeSet,
          ExecuteChangeSet, DeleteChangeSet, ListChangeSets>();
}  // namespace

const Service service{"cloudformation",
                      "cloudformation.amazonaws.com",
                      Protocol::query,
                      "2010-05-15",
                      "http://cloudformation.amazonaws.com/doc/2010-05-15/",
                      rows,
                      ""};

}  // namespace sluice::cloudformation
