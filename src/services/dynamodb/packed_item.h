// SPDX-License-Identifier: Apache-2.0
#pragma once
// An item in the form in which it is stored (codec.h), and where its attributes stand in it. Most
// writes need no more of an item than its keys and the names of its attributes: they need no tree.
//
//   JsonCursor in(R"({"id":{"S":"a"},"price":{"N":"1.50"}})");
//   if (const auto item = PackedItem::read(in)) use(item->find("id")->content());
#include "base/json_cursor.h"
#include "services/dynamodb/value.h"

namespace sluice::dynamodb {

// A value as it is stored.
class PackedValue {
 public:
  explicit PackedValue(std::string_view bytes) : bytes_(bytes) {}
  char code() const { return bytes_.front(); }  // codec.h
  bool is_scalar() const { return code() == 'S' || code() == 'N' || code() == 'B'; }
  // Of a scalar: the text, the canonical number, or the bytes.
  std::string_view content() const;
  // Of a scalar: the string that stands in AWS's JSON form, where bytes are in base64.
  std::string shown() const;

 private:
  std::string_view bytes_;
};
std::string type_of(const PackedValue& value);   // "S"
std::string sortable(const PackedValue& value);  // of a scalar: bytes that sort like its values

class PackedItem {
 public:
  // `item` has passed check_item.
  explicit PackedItem(const json::object& item);
  // The item that comes next in a document, in AWS's JSON form. It is as if it had passed
  // check_item. nullopt: check_item refuses it, or it has what is left to the tree: sets, names
  // that come twice, more than 127 members of a map or a list, or half the bytes that an item may
  // have.
  static std::optional<PackedItem> read(JsonCursor& in);

  size_t size() const { return spots_.size(); }  // attributes
  std::string_view name(size_t n) const;
  PackedValue value(size_t n) const;
  std::optional<PackedValue> find(std::string_view name) const;
  const std::string& bytes() const { return bytes_; }  // as encode_item makes them
  json::object tree() const;

  // Where an attribute stands: its name ends where its value begins.
  struct Spot {
    size_t name, value, end;
  };

 private:
  PackedItem() = default;
  std::string bytes_;
  std::vector<Spot> spots_;
};

}  // namespace sluice::dynamodb
