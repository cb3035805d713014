// SPDX-License-Identifier: Apache-2.0
#pragma once
// Items as bytes, to be sealed: they take a third of their JSON text, and no text must be parsed
// when they are read (docs/on-disk.md).
//
//   const std::string bytes = encode_item(item);
//   TRY(const json::object again, decode_item(bytes, json_arena(bytes.size() * 4)));
//
// The bytes:
//   map     its count, then the name and the value of each
//   counts  and lengths: 7 bits a byte, the low bits first, the top bit when more follow
//   value   a byte of type, and then
//           S N B   a length and the text or bytes: N in canonical decimal, B not in base64
//           T F 0   nothing: true, false, null
//           L       a count and the values
//           M       a map
//           s n b   a count and the members of a set
#include "services/dynamodb/value.h"

namespace sluice::dynamodb {

// `item` has passed check_item.
std::string encode_item(const json::object& item);
// Errors: InternalServerError 500 for bytes that encode_item has not written.
Result<json::object> decode_item(std::string_view bytes, const json::storage_ptr& storage);

}  // namespace sluice::dynamodb
