// SPDX-License-Identifier: Apache-2.0
#pragma once
// Names who reads. A snapshot keeps old records and the files that it may name on the disk, so each
// has an owner and an age. `sluice status` shows them, and the log names who holds one for too
// long.
//
//   const ReaderName name("GetObject");   // the snapshots of this thread are GetObject's now
//   Snapshot snapshot = store.snapshot();
#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace sluice {

// While this lives, the snapshots that this thread takes belong to `name`. The name must outlive
// them, so it should be a constant.
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
  uint64_t commit;         // it sees this commit and all before it
  std::string_view owner;  // the name that ReaderName gave
  Time since;              // when it began, by the clock of the jobs
  bool told = false;       // the log has named it as one that is held for too long
};

}  // namespace sluice
