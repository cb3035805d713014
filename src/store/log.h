// SPDX-License-Identifier: Apache-2.0
#pragma once
// A sequenced log: values that commits append. The store numbers them from 1 in commit order,
// without a gap. The numbers go on after a restart, and after entries were erased.
//
//   staged.append(kChanges, encode(change));   // with the commit
//   if (store.wait_past(kChanges, position, a_minute_from_now, stopping))
//     store.snapshot().read(kChanges, position + 1, false,
//                           [](uint64_t number, std::string_view value) { ... });
//   staged.erase(kChanges.entry(number));                  // one entry that is no longer wanted
//   truncate(store, kChanges, position + 1, stopping);     // all up to a position (store/erase.h)
//
// Several logs may share a table: then each has a name of its own there, Log{family, table, name}.
#include "store/store.h"

namespace sluice {

struct Log {
  Family family;
  // Its keys have the name of the log, where it has one, and the number of the entry in 8 bytes,
  // big-endian.
  std::string_view table;
  std::string_view name = {};  // must outlive the log
  Key entries() const;
  Key entry(uint64_t number) const;
};
uint64_t number_of(std::string_view entry_key);

// The audit records. Before each stands the hash of the chain up to it (docs/on-disk.md).
constexpr Log kAuditLog{Family::audit, "audit"};

}  // namespace sluice
