// SPDX-License-Identifier: Apache-2.0
// Filter patterns of CloudWatch Logs: the pattern is the first line, messages follow.
#include "fuzz.h"
#include "services/logs/pattern.h"

using namespace sluice;
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto rest = fuzz::text(data, size);
  const auto pattern = logs::Pattern::parse(fuzz::take(rest, "\n"));
  if (!pattern) return 0;
  (void)pattern->matches(rest);
  (void)pattern->matches(R"({"a":{"b":"x"},"n":12,"list":["p",null,true]})");
  return 0;
}
