// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tells one source of connections from another.
//
//   const std::string source = source_key("2001:db8::7");   // the same for all of 2001:db8::/64
#include <string>

namespace sluice {

// What one source has and no other: an IPv4 address, or the /64 of an IPv6 address, because one
// host may have a whole /64.
std::string source_key(const std::string& ip);

}  // namespace sluice
