// SPDX-License-Identifier: Apache-2.0
#pragma once
// The address of a Unix socket whose path may have any length. sockaddr_un has room for 107 bytes
// (unix(7)), but a data directory may lie deeper. So the address names the folder by a descriptor.
//
//   const UnixAddress address(path);
//   if (connect(fd, address.get(), UnixAddress::kSize) != 0) return failure("...");
#include <sys/socket.h>
#include <sys/un.h>

#include <string>

namespace sluice {

class UnixAddress {
 public:
  explicit UnixAddress(const std::string& path);
  ~UnixAddress();
  UnixAddress(const UnixAddress&) = delete;
  UnixAddress& operator=(const UnixAddress&) = delete;
  // For bind and connect, while this lives. They fail when the folder does not exist.
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  static constexpr socklen_t kSize = sizeof(sockaddr_un);

 private:
  int folder_;
  sockaddr_un address_{};
};

}  // namespace sluice
