// SPDX-License-Identifier: Apache-2.0
#include "request/tag_text.h"

#include <algorithm>
#include <cctype>

#include "base/bytes.h"

namespace sluice {

size_t characters_in(std::string_view utf8) {
  return static_cast<size_t>(
      std::ranges::count_if(utf8, [](char c) { return (c & 0xc0) != 0x80; }));
}

bool is_tag_text(std::string_view text, size_t least, size_t most) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && !std::isalnum(byte) && std::string_view(" _.:/=+-@").find(c) == text.npos)
      return false;
  }
  const size_t characters = characters_in(text);
  return is_utf8(text) && characters >= least && characters <= most;
}

}  // namespace sluice
