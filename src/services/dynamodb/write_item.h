// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one writer of items: every call that puts or deletes one comes through write_item, and what
// hangs on a change of an item (indexes, stream records, expiry, history) belongs there.
//
//   OldItem old(table, key, staged);
//   TRY(const json::object* before, old.read());  // only who needs it: a condition, the answer
//   CHECK(write_item(old, &item));                // nullptr instead of &item: it is deleted
#include "services/dynamodb/model.h"

namespace sluice::dynamodb {

// The item under a key as it is before it is written. It is read when somebody first asks, then
// held; a write for which nobody asks reads nothing, and cannot conflict.
class OldItem {
 public:
  OldItem(const Table& table, Key key, Staged& staged)
      : table_(table), key_(std::move(key)), staged_(staged) {}
  // nullptr: there is none. What write_item wrote counts for who asks only after it.
  Result<const json::object*> read();

 private:
  friend Result<Done> write_item(OldItem& old, const json::object* item);
  const Table& table_;
  const Key key_;
  Staged& staged_;
  bool known_ = false;
  std::optional<json::object> item_;
};

// Writes `item`, which has passed check_item and has the key of `old`; nullptr: deletes it. What
// `old` has read stays as it was. Errors: those of OldItem::read, for a table on which something
// hangs that needs the old item; of none today.
Result<Done> write_item(OldItem& old, const json::object* item);

}  // namespace sluice::dynamodb
