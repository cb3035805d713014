// SPDX-License-Identifier: Apache-2.0
#include "store/log.h"

#include "base/bytes.h"
#include "store/rocks.h"

namespace sluice {

Key Log::entries() const {
  return name.empty() ? schema::prefix(family, table, {}) : schema::prefix(family, table, {name});
}
Key Log::entry(uint64_t number) const {
  return name.empty() ? schema::key(family, table, {big_endian64(number)})
                      : schema::key(family, table, {name, big_endian64(number)});
}
uint64_t number_of(std::string_view entry_key) {
  return from_big_endian64(schema::parts(entry_key).back());
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
uint64_t Snapshot::last_number(const Log& log) const {
  const auto noted = get(log_end_key(log.entries()));
  return noted ? from_big_endian64(*noted) : 0;
}

}  // namespace sluice
