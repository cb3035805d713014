// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which items have the same key: 64 bits stand for the key of an item.
//
//   const uint64_t key = key_hash(item);
//   ++(seen.insert(key) ? account.stored : account.duplicate);
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "ingest/validate.h"

namespace sluice::ingest {

// SipHash-2-4. Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
uint64_t siphash(const std::array<uint64_t, 2>& key, std::string_view text);
// Under a key that this process has drawn: no uploader can choose two items that meet.
uint64_t key_hash(const Item& item);

// Knows which keys an object has had. It is exact while they fit in 32 MB, which is three million
// keys.
class SeenKeys {
 public:
  SeenKeys();
  bool insert(uint64_t key);  // false: it was seen before
  bool exact() const { return exact_; }

 private:
  void grow();
  std::vector<uint64_t> slots_;
  size_t used_ = 0;
  bool exact_ = true;
};

}  // namespace sluice::ingest
