// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one writer of items. Every call that puts or deletes an item comes through write_item, and
// all that hangs on a change of an item (indexes, stream records, expiry, history) belongs there.
//
//   OldItem old(table, key, staged);
//   TRY(const json::object* before, old.read());  // only when a condition or the answer needs it
//   CHECK(write_item(old, &item));                // nullptr in place of &item deletes it
#include "services/dynamodb/change_log.h"

namespace sluice::dynamodb {

// The item under a key, as it was before it is written. It is read when somebody asks first, and
// then kept. When nobody asks, the write reads nothing and cannot conflict.
class OldItem {
 public:
  OldItem(const Table& table, Key key, Staged& staged)
      : table_(table), key_(std::move(key)), staged_(staged) {}
  // nullptr: there is none. When it is asked first after write_item, it is what write_item wrote.
  Result<const json::object*> read();

 private:
  friend Result<Done> write_item(OldItem& old, const json::object* item, By by);
  friend Result<Done> write_item(OldItem& old, const PackedItem& item);
  // Something hangs on the item, and must know how it was before.
  bool has_followers() const { return !table_.indexes().empty() || table_.keeps_changes(); }
  const Table& table_;
  const Key key_;
  Staged& staged_;
  bool known_ = false;
  std::optional<json::object> item_;
};

// Writes `item`, which has passed check_item and has the key of `old`; nullptr deletes it. What
// `old` has read stays as it was. Errors: those of OldItem::read, for a table that has indexes or a
// stream: their entries are written in the same commit, and so neither is ever behind its table.
Result<Done> write_item(OldItem& old, const json::object* item, By by = By::caller);
// Puts an item that a caller has sent.
Result<Done> write_item(OldItem& old, const PackedItem& item);

}  // namespace sluice::dynamodb
