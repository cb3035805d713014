// SPDX-License-Identifier: Apache-2.0
// Questions and policies: the engine decides as the naive evaluator does.
#include "fuzz.h"
#include "naive_policy.h"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  naive::Choices choices(fuzz::text(data, size));
  const naive::Case one = naive::random_case(choices);
  MUST(policy::decide(one.question).outcome == naive::decide(one));
  return 0;
}
