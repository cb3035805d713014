// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"

#include <arpa/inet.h>

namespace sluice {

std::string source_key(const std::string& ip) {
  in6_addr address{};
  if (inet_pton(AF_INET6, ip.c_str(), &address) != 1) return ip;
  return std::string(reinterpret_cast<const char*>(address.s6_addr), 8);
}

}  // namespace sluice
