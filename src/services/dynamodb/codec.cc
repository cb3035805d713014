// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/codec.h"

#include "base/bytes.h"

namespace sluice::dynamodb {
namespace {
std::string_view view(const json::value& v) {
  return {v.get_string().data(), v.get_string().size()};
}
void append_member(std::string& out, char type, const json::value& v) {
  if (type == 'B' || type == 'b')
    append_bytes(out, unbase64(view(v)).value_or(""));
  else
    append_bytes(out, view(v));
}
void append_map(std::string& out, const json::object& map) {
  append_count(out, map.size());
  for (const auto& [name, value] : map) {
    append_bytes(out, {name.data(), name.size()});
    append_value(out, value);
  }
}
}  // namespace

void append_count(std::string& out, size_t n) {
  for (; n >= 0x80; n >>= 7) out += static_cast<char>(n | 0x80);
  out += static_cast<char>(n);
}
void append_bytes(std::string& out, std::string_view bytes) {
  append_count(out, bytes.size());
  out += bytes;
}
void append_value(std::string& out, const json::value& value) {
  const auto& typed = *value.get_object().begin();
  const std::string_view type(typed.key().data(), typed.key().size());
  const json::value& inner = typed.value();
  if (type == "BOOL") {
    out += inner.get_bool() ? 'T' : 'F';
    return;
  }
  if (type == "NULL") {
    out += '0';
    return;
  }
  if (type == "M") {
    out += 'M';
    append_map(out, inner.get_object());
    return;
  }
  if (type.size() == 1 && type != "L") {
    out += type[0];
    append_member(out, type[0], inner);
    return;
  }
  const char code = type == "L" ? 'L' : static_cast<char>(type[0] | 0x20);  // SS, NS, BS
  out += code;
  append_count(out, inner.get_array().size());
  for (const json::value& one : inner.get_array()) {
    if (code == 'L')
      append_value(out, one);
    else
      append_member(out, code, one);
  }
}

size_t ItemBytes::count() {
  size_t n = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (rest_.empty()) break;
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    n |= static_cast<size_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (n > rest_.size()) break;  // each member takes a byte at least
      return n;
    }
  }
  fail();
  return 0;
}
std::string_view ItemBytes::text() {
  const size_t n = count();
  const auto out = rest_.substr(0, n);
  rest_.remove_prefix(n);
  return out;
}
char ItemBytes::code(size_t depth) {
  if (rest_.empty() || depth > kNestingMax) {
    fail();
    return 0;
  }
  const char code = rest_.front();
  rest_.remove_prefix(1);
  return code;
}
Error unknown_form() {
  return {
      500, "InternalServerError", "A stored item is not in a form that this version knows.", {}};
}

namespace {
class TreeMaker {
 public:
  TreeMaker(std::string_view bytes, const json::storage_ptr& storage)
      : bytes_(bytes), storage_(storage) {}
  bool whole() const { return bytes_.whole(); }
  json::object map(size_t depth) {
    json::object out(storage_);
    const size_t n = bytes_.count();
    out.reserve(n);
    for (size_t i = 0; i < n && bytes_.ok(); ++i) {
      const std::string_view name = bytes_.text();
      out.emplace(json::string_view(name.data(), name.size()), value(depth));
    }
    return out;
  }

 private:
  json::value member(char type) {
    const std::string_view raw = bytes_.text();
    if (type != 'B' && type != 'b')
      return json::value(json::string_view(raw.data(), raw.size()), storage_);
    const std::string encoded = base64(raw);
    return json::value(json::string_view(encoded.data(), encoded.size()), storage_);
  }
  json::array members(char type, size_t depth) {
    json::array out(storage_);
    const size_t n = bytes_.count();
    out.reserve(n);
    for (size_t i = 0; i < n && bytes_.ok(); ++i)
      out.push_back(type == 'L' ? value(depth) : member(type));
    return out;
  }
  json::value value(size_t depth) {
    const char type = bytes_.code(depth);
    json::object typed(storage_);
    switch (type) {
      case 'S': typed.emplace("S", member(type)); break;
      case 'N': typed.emplace("N", member(type)); break;
      case 'B': typed.emplace("B", member(type)); break;
      case 'T': typed.emplace("BOOL", true); break;
      case 'F': typed.emplace("BOOL", false); break;
      case '0': typed.emplace("NULL", true); break;
      case 'L': typed.emplace("L", members(type, depth + 1)); break;
      case 'M': typed.emplace("M", map(depth + 1)); break;
      case 's': typed.emplace("SS", members(type, depth)); break;
      case 'n': typed.emplace("NS", members(type, depth)); break;
      case 'b': typed.emplace("BS", members(type, depth)); break;
      default: bytes_.fail();
    }
    return typed;
  }
  ItemBytes bytes_;
  const json::storage_ptr storage_;
};
}  // namespace

std::string encode_item(const json::object& item) {
  std::string out;
  out.reserve(128);
  append_map(out, item);
  return out;
}
Result<json::object> decode_item(std::string_view bytes, const json::storage_ptr& storage) {
  TreeMaker maker(bytes, storage);
  json::object item = maker.map(1);
  if (!maker.whole()) return unknown_form();
  return item;
}

}  // namespace sluice::dynamodb
