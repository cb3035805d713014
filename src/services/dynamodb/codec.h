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

// The parts of a stored item, one after another.
class ItemBytes {
 public:
  explicit ItemBytes(std::string_view bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }  // nothing was wrong so far
  bool whole() const { return ok_ && rest_.empty(); }
  size_t count();
  std::string_view text();  // a length, and then so many bytes
  char code(size_t depth);  // the type of a value; 0: there is none, or it is nested too deep
  void fail() { ok_ = false; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};
Error unknown_form();  // of bytes that encode_item has not written

// The parts of an item, for who makes it piece by piece.
void append_count(std::string& out, size_t n);
void append_bytes(std::string& out, std::string_view bytes);    // their length, and then they
void append_value(std::string& out, const json::value& value);  // has passed check_value

}  // namespace sluice::dynamodb
