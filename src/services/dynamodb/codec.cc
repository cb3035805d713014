// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/codec.h"

#include "base/bytes.h"

namespace sluice::dynamodb {
namespace {
std::string_view view(const json::value& v) {
  return {v.get_string().data(), v.get_string().size()};
}

void put_count(std::string& out, size_t n) {
  for (; n >= 0x80; n >>= 7) out += static_cast<char>(n | 0x80);
  out += static_cast<char>(n);
}
void put_bytes(std::string& out, std::string_view bytes) {
  put_count(out, bytes.size());
  out += bytes;
}
void put_member(std::string& out, char type, const json::value& v) {
  if (type == 'B' || type == 'b')
    put_bytes(out, unbase64(view(v)).value_or(""));
  else
    put_bytes(out, view(v));
}
void put_map(std::string& out, const json::object& map);
void put_value(std::string& out, const json::value& value) {
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
    put_map(out, inner.get_object());
    return;
  }
  if (type.size() == 1 && type != "L") {
    out += type[0];
    put_member(out, type[0], inner);
    return;
  }
  const char code = type == "L" ? 'L' : static_cast<char>(type[0] | 0x20);  // SS, NS, BS
  out += code;
  put_count(out, inner.get_array().size());
  for (const json::value& one : inner.get_array()) {
    if (code == 'L')
      put_value(out, one);
    else
      put_member(out, code, one);
  }
}
void put_map(std::string& out, const json::object& map) {
  put_count(out, map.size());
  for (const auto& [name, value] : map) {
    put_bytes(out, {name.data(), name.size()});
    put_value(out, value);
  }
}

class Reader {
 public:
  Reader(std::string_view bytes, const json::storage_ptr& storage)
      : bytes_(bytes), storage_(storage) {}
  bool whole() const { return ok_ && bytes_.empty(); }
  json::object map(size_t depth) {
    json::object out(storage_);
    const size_t n = count();
    out.reserve(n);
    for (size_t i = 0; i < n && ok_; ++i) {
      const std::string_view name = text();
      out.emplace(json::string_view(name.data(), name.size()), value(depth));
    }
    return out;
  }

 private:
  size_t count() {
    size_t n = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      if (bytes_.empty()) break;
      const auto byte = static_cast<uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      n |= static_cast<size_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return n <= bytes_.size() ? n : fail();  // each member takes a byte at least
    }
    return fail();
  }
  size_t fail() {
    ok_ = false;
    return 0;
  }
  std::string_view text() {
    const size_t n = count();
    const auto out = bytes_.substr(0, n);
    bytes_.remove_prefix(n);
    return out;
  }
  json::value member(char type) {
    const std::string_view raw = text();
    if (type != 'B' && type != 'b')
      return json::value(json::string_view(raw.data(), raw.size()), storage_);
    const std::string encoded = base64(raw);
    return json::value(json::string_view(encoded.data(), encoded.size()), storage_);
  }
  json::array members(char type, size_t depth) {
    json::array out(storage_);
    const size_t n = count();
    out.reserve(n);
    for (size_t i = 0; i < n && ok_; ++i) out.push_back(type == 'L' ? value(depth) : member(type));
    return out;
  }
  json::value value(size_t depth) {
    if (bytes_.empty() || depth > kNestingMax) {
      fail();
      return nullptr;
    }
    const char type = bytes_.front();
    bytes_.remove_prefix(1);
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
      default: fail();
    }
    return typed;
  }
  std::string_view bytes_;
  const json::storage_ptr storage_;
  bool ok_ = true;
};
}  // namespace

std::string encode_item(const json::object& item) {
  std::string out;
  out.reserve(128);
  put_map(out, item);
  return out;
}
Result<json::object> decode_item(std::string_view bytes, const json::storage_ptr& storage) {
  Reader reader(bytes, storage);
  json::object item = reader.map(1);
  if (!reader.whole())
    return Error{
        500, "InternalServerError", "A stored item is not in a form that this version knows.", {}};
  return item;
}

}  // namespace sluice::dynamodb
