// SPDX-License-Identifier: Apache-2.0
// sluice verify: every item of every table is opened.
#include "services/dynamodb/change_log.h"
#include "services/dynamodb/index.h"

namespace sluice::dynamodb {
namespace {
// Every item is opened, and has the entries in the indexes that it must have; there are no others.
void verify_table(const std::string& name, const Table& table, const Snapshot& snapshot,
                  Verification& found) {
  uint64_t broken = 0;
  std::map<std::string, int64_t> wanted, missing;  // entries, by the name of their index
  snapshot.scan(table.keys().all(), "", false, [&](std::string_view key, std::string_view sealed) {
    const auto item = table.open_item(key, sealed);
    if (!item) return ++broken, true;
    ++found.seals;
    for (const IndexRecord& index : table.indexes())
      if (const auto entry = entry_key(table, index, *item)) {
        ++wanted[index.name];
        if (!snapshot.get(*entry)) ++missing[index.name];
      }
    return true;
  });
  if (broken)
    found.damaged.push_back("table " + name + ": " + std::to_string(broken) +
                            " items whose seal is broken");
  for (const IndexRecord& index : table.indexes()) {
    int64_t there = 0, unreadable = 0;
    snapshot.scan(entries_of(index.id), "", false,
                  [&](std::string_view key, std::string_view sealed) {
                    ++there;
                    unreadable += !table.open_item(key, sealed).has_value();
                    return true;
                  });
    if (unreadable || broken || index.backfilling) {
      if (unreadable)
        found.damaged.push_back("index " + index.name + " of table " + name + ": " +
                                std::to_string(unreadable) + " entries whose seal is broken");
      continue;
    }
    if (missing[index.name] || there != wanted[index.name])
      found.damaged.push_back("index " + index.name + " of table " + name + ": it has " +
                              std::to_string(there) + " entries for " +
                              std::to_string(wanted[index.name]) + " items, and lacks " +
                              std::to_string(missing[index.name]));
  }
}
void verify_changes(const std::string& name, const Table& table, const Snapshot& snapshot,
                    Verification& found) {
  const auto read = read_changes(table, snapshot, 0, "", 0, [&found](const Change&) {
    ++found.seals;
    return true;
  });
  if (!read)
    found.damaged.push_back("table " + name + ": the seal of one of its changes is broken");
}
}  // namespace

void verify(const Ports& ports, Verification& found) {
  const Snapshot snapshot = ports.store->snapshot();
  const Key tables = RecordPrefix<TableRecord>{};
  snapshot.scan(tables, "", false, [&](std::string_view key, std::string_view value) {
    const std::string name = schema::parts(key).at(0);
    try {
      (void)decode<TableRecord>(value);
    } catch (const UnreadableRecord&) {
      found.damaged.push_back("table " + name + ": its record cannot be read");
      return true;
    }
    const auto table = Table::open(snapshot.get(table_key(name)), snapshot, ports);
    if (!table) {
      // The key's own code stands first in the text of a table that cannot be unlocked.
      const bool shut = table.error().message.find("DisabledException") != std::string::npos ||
                        table.error().message.find("InvalidStateException") != std::string::npos ||
                        table.error().message.find("NotFoundException") != std::string::npos;
      found.judge("table " + name, shut ? Error{400, "DisabledException", "", {}} : table.error());
      return true;
    }
    verify_table(name, *table, snapshot, found);
    verify_changes(name, *table, snapshot, found);
    return true;
  });
  snapshot.scan(
      RecordPrefix<FormerTable>{}, "", false, [&](std::string_view, FormerTable&& former) {
        const std::string name = former.name;
        const auto table =
            Table::open(std::make_shared<const TableRecord>(std::move(former)), snapshot, ports);
        if (table) verify_changes("(deleted) " + name, *table, snapshot, found);
        return true;
      });
}

}  // namespace sluice::dynamodb
