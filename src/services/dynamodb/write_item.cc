// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/write_item.h"

#include "services/dynamodb/index.h"

namespace sluice::dynamodb {

Result<const json::object*> OldItem::read() {
  if (!known_) {
    if (const auto sealed = staged_.get(key_)) {
      TRY(item_, table_.open_item(key_.bytes, *sealed));
    }
    known_ = true;
  }
  return item_ ? &*item_ : nullptr;
}

Result<Done> write_item(OldItem& old, const json::object* item, By by) {
  const Table& table = old.table_;
  if (old.has_followers()) {
    TRY(const json::object* before, old.read());
    write_entries(table, before, item, old.staged_);
    if (table.keeps_changes()) note_change(table, before, item, by, old.staged_);
  }
  if (item)
    old.staged_.put(old.key_, table.seal(old.key_, *item));
  else
    old.staged_.erase(old.key_);
  return Done{};
}
Result<Done> write_item(OldItem& old, const PackedItem& item) {
  if (old.has_followers()) {
    const json::object tree = item.tree();
    return write_item(old, &tree);
  }
  old.staged_.put(old.key_, old.table_.seal(old.key_, item));
  return Done{};
}

}  // namespace sluice::dynamodb
