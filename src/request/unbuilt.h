// SPDX-License-Identifier: Apache-2.0
#pragma once
// The REST operations of AWS that Sluice does not have. No header of a request names them, only its
// method and path; the refusal and the audit record call them by their name.
//
//   for (const Unbuilt& one : unbuilt_operations())
//     if (matches(request, one.match)) return one.name;
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
