// SPDX-License-Identifier: Apache-2.0
#pragma once
// The Condition block. Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
#include "policy/document.h"

namespace sluice::policy {

// Whether one condition of an Allow or a Deny holds. A missing key: false for positive operators,
// true for negated ones and with IfExists. A request's value that cannot be compared (no number, a
// variable without value) never widens an Allow nor narrows a Deny.
bool holds(const Condition& condition, const Context& context, bool variables, bool allow);
// Whether a policy may give this value to the operator ("NumericEquals": a number, "IpAddress": a
// network, "Bool": true or false).
bool is_value(std::string_view op, std::string_view text);

}  // namespace sluice::policy
