#pragma once
// The Condition block. Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
#include "policy/document.h"

namespace sluice::policy {

// Whether one condition holds. A missing key: false for positive operators, true for negated ones and with IfExists.
// A value that does not parse as the operator's type makes the condition false.
bool holds(const Condition& condition, const Context& context, bool variables);

}  // namespace sluice::policy
