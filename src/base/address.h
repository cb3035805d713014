// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

namespace sluice {

// How a source is told from another: an IPv6 address by its /64, which one host has to itself.
std::string source_key(const std::string& ip);

}  // namespace sluice
