// SPDX-License-Identifier: Apache-2.0
#include "request/tag_text.h"

#include <cctype>

#include "base/bytes.h"

namespace sluice {

bool is_tag_text(std::string_view text, size_t least, size_t most) {
  size_t characters = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) ++characters;
    if (byte < 0x80 && !std::isalnum(byte) && std::string_view(" _.:/=+-@").find(c) == text.npos)
      return false;
  }
  return is_utf8(text) && characters >= least && characters <= most;
}

}  // namespace sluice
