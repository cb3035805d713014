// SPDX-License-Identifier: Apache-2.0
// CloudFormation templates, YAML and JSON: what parses is in order, and its functions resolve
// within their limits.
#include "fuzz.h"
#include "services/cloudformation/resolve.h"

using namespace sluice;
using namespace sluice::cloudformation;
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto t = parse_template(fuzz::text(data, size));
  if (!t) {
    MUST(!t.error().code.empty() && !t.error().message.empty());
    return 0;
  }
  (void)needed_capability(*t);
  ParameterValues given;
  for (const Parameter& p : t->parameters) given[p.name] = p.fallback.value_or("1");
  (void)check_parameters(*t, given);
  const Scope scope;
  Values values(*t, given, scope, "stack",
                "arn:aws:cloudformation:us-east-1:000000000000:stack/stack/1");
  for (const ResourceSpec& resource : t->resources) {
    for (const std::string& needed : resource.depends_on)
      MUST(values.has_resource(needed));  // each stands after those it depends on
    (void)values.condition(resource.condition);
    (void)values.resolve_properties(resource.properties);
    values.add_resource(resource.name, "physical-" + resource.name, {{"Arn", "arn"}});
  }
  for (const OutputSpec& output : t->outputs) (void)values.text(output.value);
  return 0;
}
