// SPDX-License-Identifier: Apache-2.0
#pragma once
// The items of a table as they were at a moment that its change log still reaches: the items of
// today, with what has changed since taken back. And what has changed since, once for each item.
//
//   History history(table, snapshot, export_time);
//   CHECK(history.each("", [](std::string_view key, const json::object& item) { ...; return true;
//   }));
//
// It takes no more memory for a long log than for a short one: it goes over the keys in ranges, and
// over the log once for each.
#include "services/dynamodb/change_log.h"

namespace sluice::dynamodb {

// What became of an item between two moments, whatever happened in between.
struct NetChange {
  json::object keys;
  Time time = 0;  // of the last change
  std::optional<json::object> before, after;
};

class History {
 public:
  // So much memory the changed keys take at once.
  static constexpr size_t kKeyBytesAtOnce = 128 << 20;
  using Each = std::function<bool(std::string_view key, const json::object& item)>;

  History(const Table& table, const Snapshot& snapshot, Time at,
          size_t key_bytes_at_once = kKeyBytesAtOnce)
      : table_(table),
        snapshot_(snapshot),
        first_(first_change_after(snapshot, table.id(), at)),
        key_bytes_at_once_(key_bytes_at_once) {}
  // Calls fn for the items in the order of their keys, from the key `start` on; "" begins at the
  // first. fn returns false to stop. Errors: InternalServerError for a broken seal.
  Result<Done> each(const std::string& start, const Each& fn) const;
  // Calls fn for each item that was written after the moment and not after `to`, in the order of
  // their keys, from the key `start` on.
  using EachChange = std::function<bool(std::string_view key, const NetChange& change)>;
  Result<Done> each_change(Time to, const std::string& start, const EachChange& fn) const;

 private:
  // The numbers of changes of one item.
  struct Changes {
    uint64_t first, last;
  };
  // Of each key that has changed, its changes. `end` "": there is no end.
  struct Range {
    std::map<std::string, Changes> changed;
    std::string end;
  };
  // Changes from the number `end_number` on do not count; 0: all do.
  Result<Range> range_from(const std::string& start, uint64_t end_number) const;
  Result<Change> change_at(uint64_t number) const;
  Result<bool> each_in(const Range& range, const std::string& start, const Each& fn) const;

  const Table& table_;
  const Snapshot& snapshot_;
  const uint64_t first_;
  const size_t key_bytes_at_once_;
};

}  // namespace sluice::dynamodb
