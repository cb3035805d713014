// SPDX-License-Identifier: Apache-2.0
#pragma once
// For the fuzz targets: what must hold stops the process, so that libFuzzer keeps the input.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#define MUST(condition)                                                                \
  do {                                                                                 \
    if (!(condition)) {                                                                \
      std::fprintf(stderr, "must hold: %s (%s:%d)\n", #condition, __FILE__, __LINE__); \
      abort();                                                                         \
    }                                                                                  \
  } while (false)

namespace sluice::fuzz {
inline std::string_view text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}
// Cuts off what stands before the first `separator`, or everything.
inline std::string_view take(std::string_view& rest, std::string_view separator) {
  const size_t at = rest.find(separator);
  const std::string_view head = rest.substr(0, at);
  rest.remove_prefix(at == rest.npos ? rest.size() : at + separator.size());
  return head;
}
// A directory for this process; in memory where there is such a place.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : "/tmp") +
                       std::string("/sluice-fuzz-XXXXXX");
    MUST(mkdtemp(name.data()));
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};
}  // namespace sluice::fuzz
