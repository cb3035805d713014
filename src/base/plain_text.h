// SPDX-License-Identifier: Apache-2.0
#pragma once
// How much of a text is plain: ASCII that a JSON string shows as it is (RFC 8259, section 7), so
// neither a control character nor '"' nor '\'. Nearly all text is plain, and can be taken whole.
//
//   if (plain_bytes(text) == text.size()) out.append(text);
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice {

// How many plain bytes stand before the first that is not plain. Eight are looked at together.
// (Sean Anderson, "Bit Twiddling Hacks": a byte below n. What it marks lowest is right; above that
// it may mark others.)
inline size_t plain_bytes(std::string_view text) {
  static_assert(std::endian::native == std::endian::little);
  constexpr uint64_t kOnes = 0x0101010101010101, kHighs = kOnes * 0x80;
  const auto below = [](uint64_t eight, uint64_t n) { return (eight - kOnes * n) & ~eight; };
  for (size_t at = 0;; at += sizeof kOnes) {
    const size_t left = text.size() - at;
    uint64_t eight = 0;  // a zero byte is not plain, so the search ends where the text does
    if (left >= sizeof eight)
      std::memcpy(&eight, text.data() + at, sizeof eight);
    else if (left > 0)
      std::memcpy(&eight, text.data() + at, left);
    const uint64_t marked = (eight | below(eight, 0x20) | below(eight ^ kOnes * '"', 1) |
                             below(eight ^ kOnes * '\\', 1)) &
                            kHighs;
    if (marked) return at + static_cast<size_t>(std::countr_zero(marked)) / 8;
  }
}

}  // namespace sluice
