// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who reads. A snapshot keeps what was erased since on the disk, and the files that it may name: so
// each has an owner and an age, which `sluice status` shows.
#include <cstdint>
#include <string_view>

namespace sluice {

// The snapshots that this thread takes are this one's. The name must outlive them: a constant.
//   const ReaderName name("GetObject");
class ReaderName {
 public:
  explicit ReaderName(std::string_view name) : before_(current()) { current() = name; }
  ~ReaderName() { current() = before_; }
  ReaderName(const ReaderName&) = delete;
  ReaderName& operator=(const ReaderName&) = delete;
  static std::string_view& current() {
    thread_local std::string_view name = "the server";
    return name;
  }

 private:
  const std::string_view before_;
};

struct ActiveReader {
  uint64_t commit;         // the newest that it sees, at least
  std::string_view owner;  // ReaderName
  int64_t since_us;        // base/clock.h, monotonic_us
  bool told = false;       // named in the log as one that is held for long
};

}  // namespace sluice
