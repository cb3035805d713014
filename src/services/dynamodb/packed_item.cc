// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/packed_item.h"

#include <algorithm>

#include "base/bytes.h"
#include "services/dynamodb/codec.h"

namespace sluice::dynamodb {
namespace {
using Spots = std::vector<PackedItem::Spot>;

std::string_view name_at(const std::string& bytes, const PackedItem::Spot& spot) {
  return std::string_view(bytes).substr(spot.name, spot.value - spot.name);
}
bool has_name(const std::string& bytes, const Spots& spots, std::string_view name) {
  return std::any_of(spots.begin(), spots.end(),
                     [&](const PackedItem::Spot& spot) { return name_at(bytes, spot) == name; });
}

// Makes stored values of AWS's JSON form. Each function returns false where it gives up.
class Packer {
 public:
  Packer(JsonCursor& in, std::string& out) : in_(in), out_(out) {}
  bool map(size_t depth, Spots& spots) {
    if (!in_.takes('{')) return false;
    const size_t count_at = begin_count();
    if (in_.takes('}')) return true;
    do {
      if (!member(depth, spots)) return false;
    } while (in_.takes(','));
    return in_.takes('}') && end_count(count_at, spots.size());
  }

 private:
  static constexpr size_t kCountMax = 127;  // that has one byte

  size_t begin_count() {
    out_ += '\0';
    return out_.size() - 1;
  }
  bool end_count(size_t at, size_t count) {
    out_[at] = static_cast<char>(count);
    return count <= kCountMax;
  }
  bool member(size_t depth, Spots& spots) {
    const auto name = in_.text();
    if (!name || name->size() > kNameBytesMax || spots.size() == kCountMax ||
        has_name(out_, spots, *name) || !in_.takes(':'))
      return false;
    append_bytes(out_, *name);
    PackedItem::Spot spot{out_.size() - name->size(), out_.size(), 0};
    if (!value(depth)) return false;
    spot.end = out_.size();
    spots.push_back(spot);
    return true;
  }
  // An item takes at most twice the bytes that it has here (an empty list has two, and counts
  // three), so that one with half of what it may have is not too large.
  bool value(size_t depth) {
    if (depth > kNestingMax || !in_.takes('{')) return false;
    const auto type = in_.text();
    return type && in_.takes(':') && content(*type, depth) && in_.takes('}') &&
           out_.size() <= kItemBytesMax / 2;
  }
  bool content(std::string_view type, size_t depth) {
    if (type == "S") return string();
    if (type == "N") return number();
    if (type == "B") return binary();
    if (type == "BOOL") return one_of({{"true", 'T'}, {"false", 'F'}});
    if (type == "NULL") return one_of({{"true", '0'}, {"false", '0'}});
    if (type == "L") return list(depth);
    if (type != "M") return false;
    out_ += 'M';
    Spots spots;
    return map(depth + 1, spots);
  }
  bool string() {
    const auto text = in_.text();
    if (!text) return false;
    out_ += 'S';
    append_bytes(out_, *text);
    return true;
  }
  bool number() {
    const auto text = in_.text();
    const auto number = text ? canonical_number(*text) : Result<std::string>(Error{});
    if (!number) return false;
    out_ += 'N';
    append_bytes(out_, *number);
    return true;
  }
  bool binary() {
    const auto text = in_.text();
    const auto bytes = text ? unbase64(*text) : std::nullopt;
    if (!bytes) return false;
    out_ += 'B';
    append_bytes(out_, *bytes);
    return true;
  }
  bool one_of(std::initializer_list<std::pair<std::string_view, char>> words) {
    for (const auto& [word, code] : words)
      if (in_.takes(word)) {
        out_ += code;
        return true;
      }
    return false;
  }
  bool list(size_t depth) {
    if (!in_.takes('[')) return false;
    out_ += 'L';
    const size_t count_at = begin_count();
    if (in_.takes(']')) return true;
    size_t count = 0;
    do {
      if (++count > kCountMax || !value(depth + 1)) return false;
    } while (in_.takes(','));
    return in_.takes(']') && end_count(count_at, count);
  }
  JsonCursor& in_;
  std::string& out_;
};
}  // namespace

std::string_view PackedValue::content() const {
  std::string_view rest = bytes_.substr(1);
  while (static_cast<uint8_t>(rest.front()) >= 0x80) rest.remove_prefix(1);
  return rest.substr(1);
}
std::string PackedValue::shown() const {
  return code() == 'B' ? base64(content()) : std::string(content());
}
std::string type_of(const PackedValue& value) {
  switch (value.code()) {
    case 'T':
    case 'F': return "BOOL";
    case '0': return "NULL";
    case 's': return "SS";
    case 'n': return "NS";
    case 'b': return "BS";
    default: return {value.code()};
  }
}
std::string sortable(const PackedValue& value) {
  return value.code() == 'N' ? sortable_number(value.content()) : std::string(value.content());
}

PackedItem::PackedItem(const json::object& item) {
  append_count(bytes_, item.size());
  for (const auto& [name, value] : item) {
    append_bytes(bytes_, name);
    Spot spot{bytes_.size() - name.size(), bytes_.size(), 0};
    append_value(bytes_, value);
    spot.end = bytes_.size();
    spots_.push_back(spot);
  }
}

std::optional<PackedItem> PackedItem::read(JsonCursor& in) {
  PackedItem item;
  item.bytes_.reserve(128);
  item.spots_.reserve(8);
  if (!Packer(in, item.bytes_).map(1, item.spots_)) return std::nullopt;
  return item;
}
std::string_view PackedItem::name(size_t n) const { return name_at(bytes_, spots_[n]); }
PackedValue PackedItem::value(size_t n) const {
  const Spot& spot = spots_[n];
  return PackedValue(std::string_view(bytes_).substr(spot.value, spot.end - spot.value));
}
std::optional<PackedValue> PackedItem::find(std::string_view wanted) const {
  for (size_t n = 0; n < spots_.size(); ++n)
    if (name(n) == wanted) return value(n);
  return std::nullopt;
}
json::object PackedItem::tree() const {
  return *decode_item(bytes_, json_arena(bytes_.size() * 4));
}

}  // namespace sluice::dynamodb
