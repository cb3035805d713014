// SPDX-License-Identifier: Apache-2.0
#pragma once
// REST operations of AWS that Sluice does not implement. Their names are in no header of a request,
// only in its method and path, and both the refusal and the audit record say them.
#include <span>

#include "request/operation.h"

namespace sluice {

struct Unbuilt {
  std::string_view service;
  Match match;
  std::string_view name;
};
std::span<const Unbuilt> unbuilt_operations();

}  // namespace sluice
