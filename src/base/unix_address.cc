// SPDX-License-Identifier: Apache-2.0
#include "base/unix_address.h"

#include <fcntl.h>
#include <unistd.h>

namespace sluice {

UnixAddress::UnixAddress(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  folder_ = open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
  const std::string place = "/proc/self/fd/" + std::to_string(folder_) + "/" + name;
  address_.sun_family = AF_UNIX;
  place.copy(address_.sun_path, sizeof address_.sun_path - 1);
}

UnixAddress::~UnixAddress() {
  if (folder_ >= 0) close(folder_);
}

}  // namespace sluice
