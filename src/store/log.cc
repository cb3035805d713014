// SPDX-License-Identifier: Apache-2.0
#include "store/log.h"

#include "base/bytes.h"

namespace sluice {

Key Log::entries() const { return schema::prefix(family, table, {}); }
Key Log::entry(uint64_t number) const { return schema::key(family, table, {big_endian64(number)}); }
uint64_t number_of(std::string_view entry_key) {
  return from_big_endian64(schema::parts(entry_key).at(0));
}

void Snapshot::read(const Log& log, uint64_t from, bool backwards,
                    const std::function<bool(uint64_t, std::string_view)>& fn) const {
  scan(log.entries(), from ? log.entry(from).bytes : "", backwards,
       [&](std::string_view key, std::string_view value) { return fn(number_of(key), value); });
}
uint64_t Snapshot::newest(const Log& log) const {
  uint64_t newest = 0;
  read(log, 0, true, [&](uint64_t number, std::string_view) {
    newest = number;
    return false;
  });
  return newest;
}

}  // namespace sluice
