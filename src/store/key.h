// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keys of the store, and the keys of typed records. A key is the name of a table and parts, and
// keys sort by their parts.
//
//   const Key key = schema::key(Family::items, "dynamodb.item", {table_id, item_key});
//   const RecordKey<Role> role({"reader"});   // what stands there is a Role
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// The column families of RocksDB. Every key is made by schema::key(): the name of a table and
// parts. On disk the account stands before it, and also the Region where the table is regional
// (docs/on-disk.md).
enum class Family : uint8_t { meta, objects, items, outbox, audit, logs, metrics };
struct Key {
  Family family;
  std::string bytes;
  auto operator<=>(const Key&) const = default;
};
// All keys from `low` on (included) to `high` (not included).
struct Span {
  Family family;
  std::string low, high;
};
namespace schema {
// Keys sort by their parts, each compared as a byte string, and no whole key is the beginning of
// another. `table` is a short constant ("iam.role").
Key key(Family family, std::string_view table, std::initializer_list<std::string_view> parts);
// The common prefix of all keys that start with these whole parts.
Key prefix(Family family, std::string_view table, std::initializer_list<std::string_view> parts);
// The parts of a key, without the name of its table.
std::vector<std::string> parts(std::string_view key_bytes);
// One part as it stands in a key.
std::string part(std::string_view part);
// The beginning of a part as it stands in a key: more bytes of the same part may follow.
std::string begun(std::string_view part);
// The smallest byte string that is above all keys that begin with `bytes`.
std::string after(std::string_view bytes);
// All keys with this prefix.
Span span(const Key& prefix);
}  // namespace schema

// Where the records of one type stand, and which version of their layout this program writes
// (store/record.h).
struct RecordType {
  Family family;
  std::string_view table;
  uint8_t version;
};
// The key of a record. Its type says what is stored there.
template <class R>
struct RecordKey : Key {
  RecordKey(std::initializer_list<std::string_view> parts)
      : Key(schema::key(R::record.family, R::record.table, parts)) {}
  explicit RecordKey(std::string_view whole) : Key{R::record.family, std::string(whole)} {}
};
// The common prefix of all records of a type whose keys begin with these whole parts.
template <class R>
struct RecordPrefix : Key {
  RecordPrefix(std::initializer_list<std::string_view> parts)
      : Key(schema::prefix(R::record.family, R::record.table, parts)) {}
};

}  // namespace sluice
