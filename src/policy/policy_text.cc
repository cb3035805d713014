// SPDX-License-Identifier: Apache-2.0
#include "policy/policy_text.h"

#include "base/bytes.h"

namespace sluice::policy {

bool is_policy_text(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    // U+0080 to U+00FF are what follows C2 or C3.
    if (byte != '\t' && byte != '\n' && byte != '\r' && (byte < 0x20 || byte >= 0xc4)) return false;
  }
  return is_utf8(text);
}

}  // namespace sluice::policy
