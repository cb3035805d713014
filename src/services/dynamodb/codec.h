// SPDX-License-Identifier: Apache-2.0
#pragma once
// Items as bytes, to be sealed: a third of their JSON text, and no text to parse when they are
// read. docs/on-disk.md
//   map     count, then name and value of each        counts and lengths: 7 bits a byte, low first,
//   top bit = more value   a byte of type: S N B text or bytes with their length (B raw, not
//   base64; N its canonical decimal) · T F true, false ·
//           0 null · L count and values · M map · s n b count and members of a set
#include "services/dynamodb/value.h"

namespace sluice::dynamodb {

// `item` has passed check_item.
std::string encode_item(const json::object& item);
// Error: InternalServerError 500, bytes that encode_item did not write.
Result<json::object> decode_item(std::string_view bytes, const json::storage_ptr& storage);

}  // namespace sluice::dynamodb
