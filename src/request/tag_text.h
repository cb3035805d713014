// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the keys and values of tags are made of. Source: IAM User Guide, "Tags for IAM resources";
// STS API Reference, "Tag".
//
//   if (!is_tag_text(key, 1, kTagKeyMax)) return invalid("...");
#include <string_view>

namespace sluice {

// How many characters a text in UTF-8 has, as AWS's limits count them.
size_t characters_in(std::string_view utf8);
// Letters, digits and blanks of every script, and _ . : / = + - @; from `least` to `most` of them.
bool is_tag_text(std::string_view text, size_t least, size_t most);

}  // namespace sluice
