// SPDX-License-Identifier: Apache-2.0
#pragma once
// The Condition block of a statement: whether its conditions hold for a request. Source: IAM User
// Guide, "IAM JSON policy elements: Condition operators".
//
//   for (const Condition& c : statement.conditions)
//     if (!holds(c, keys.values(c.key), keys, document.variables, statement.allow)) return false;
#include "policy/context.h"
#include "policy/document.h"

namespace sluice::policy {

// "StringNotLike"; nullopt: there is no such operator.
std::optional<Operator> operator_named(std::string_view name);
// Whether one condition holds for `actual`, the values that the request has of its key; `keys` are
// for its variables, and `allow` says whether it stands in an Allow or in a Deny. When the
// request does not have the key, a positive operator does not hold; a negated one does, and so does
// one with IfExists. When a value of the request cannot be compared (it is not a number, or a
// variable has no value), an Allow allows no more for it and a Deny denies no less.
bool holds(const Condition& condition, std::optional<std::span<const std::string>> actual,
           const Keys& keys, bool variables, bool allow);
// Whether a policy may compare with this value: a number for "NumericEquals", a network for
// "IpAddress", true or false for "Bool".
bool is_value(const Operator& op, std::string_view text);

}  // namespace sluice::policy
