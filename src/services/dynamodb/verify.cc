// SPDX-License-Identifier: Apache-2.0
// sluice verify: every item of every table is opened.
#include "services/dynamodb/model.h"

namespace sluice::dynamodb {

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
    const auto table = Table::open(name, snapshot, ports);
    if (!table) {
      // The key's own code stands first in the text of a table that cannot be unlocked.
      const bool shut = table.error().message.find("DisabledException") != std::string::npos ||
                        table.error().message.find("InvalidStateException") != std::string::npos ||
                        table.error().message.find("NotFoundException") != std::string::npos;
      found.judge("table " + name, shut ? Error{400, "DisabledException", "", {}} : table.error());
      return true;
    }
    uint64_t broken = 0;
    snapshot.scan(table->all(), "", false, [&](std::string_view item_key, std::string_view sealed) {
      if (table->open_item(item_key, sealed))
        ++found.seals;
      else
        ++broken;
      return true;
    });
    if (broken)
      found.damaged.push_back("table " + name + ": " + std::to_string(broken) +
                              " items whose seal is broken");
    return true;
  });
}

}  // namespace sluice::dynamodb
