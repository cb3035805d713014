// SPDX-License-Identifier: Apache-2.0
// Changes the store of a stopped server by hand, as somebody would who has the directory and the
// root key. For tests that ask who notices.
//   rewrite DATA_DIR audit edit N | delete N | swap N M | append N | cut N | forge N
//   rewrite DATA_DIR object edit|delete|swap|append|cut|replace BUCKET KEY [OTHER_KEY]
//   rewrite DATA_DIR record TABLE NAME       the value of a record becomes one that none has
// N, M: sequences of audit records. append: a copy of record N at the end. cut: N and all after it
// deleted. forge: N edited, and the chain from there on computed anew. Of an object: one bit of its
// sealed body turned, two bytes exchanged, one added, one cut off; or the row of another object in
// its place.
#include <cstdio>

#include "base/bytes.h"
#include "cli/records.h"
#include "cli/server.h"
#include "crypto/crypto.h"
#include "store/keyring.h"
#include "store/rocks.h"

namespace {
using namespace sluice;

struct AuditLog {
  Rocks& rocks;
  std::string key_of(uint64_t sequence) const {
    return rocks.on_disk(schema::key(Family::audit, "audit", {big_endian64(sequence)}).bytes);
  }
  rocksdb::ColumnFamilyHandle* family = rocks.family(Family::audit);
  std::string get(uint64_t sequence) const {
    std::string value;
    return rocks.db->Get({}, family, key_of(sequence), &value).ok() ? value : std::string();
  }
  void put(uint64_t sequence, const std::string& value) {
    rocks.db->Put({}, family, key_of(sequence), value);
  }
  void erase(uint64_t sequence) { rocks.db->Delete({}, family, key_of(sequence)); }
  uint64_t last() const {
    uint64_t n = 0;
    while (!get(n + 1).empty()) ++n;
    return n;
  }
};
// The same length and still a JSON document: the year of the event.
std::string edited(std::string value) {
  const size_t at = value.find("\"eventTime\":\"20");
  if (at != std::string::npos) value[at + 15] = '1';
  return value;
}
void forge(AuditLog& log, uint64_t n) {
  std::string chain = log.get(n - 1).substr(0, 32);
  for (uint64_t i = n, last = log.last(); i <= last; ++i) {
    const std::string record = (i == n ? edited(log.get(i)) : log.get(i)).substr(32);
    chain = sha256(chain + record);
    log.put(i, chain + record);
  }
}
int change_record(Rocks& rocks, const std::string& what, uint64_t n, uint64_t m) {
  AuditLog log{rocks};
  const std::string old = log.get(n), other = log.get(m);
  if (old.empty()) return std::fprintf(stderr, "there is no such record\n"), 1;
  if (what == "edit")
    log.put(n, edited(old));
  else if (what == "delete")
    log.erase(n);
  else if (what == "swap") {
    log.put(n, other);
    log.put(m, old);
  } else if (what == "append")
    log.put(log.last() + 1, old);
  else if (what == "cut")
    for (uint64_t i = log.last(); i >= n; --i) log.erase(i);
  else if (what == "forge")
    forge(log, n);
  else
    return 2;
  return 0;
}

// Key and value of an object's only version.
std::pair<std::string, std::string> version_of(Rocks& rocks, const std::string& bucket,
                                               const std::string& key) {
  const std::string prefix =
      rocks.on_disk(schema::prefix(Family::objects, "s3.version", {bucket, key}).bytes);
  const std::unique_ptr<rocksdb::Iterator> it(
      rocks.db->NewIterator({}, rocks.family(Family::objects)));
  it->Seek(prefix);
  return it->Valid() && it->key().starts_with(prefix)
             ? std::pair(it->key().ToString(), it->value().ToString())
             : std::pair<std::string, std::string>();
}
int change_record_of(Rocks& rocks, const std::string& table, const std::string& name) {
  for (const RecordFacts& one : cli::all_records()) {
    if (one.type.table != table) continue;
    const std::string key = rocks.on_disk(schema::key(one.type.family, table, {name}).bytes);
    std::string value;
    rocksdb::ColumnFamilyHandle* family = rocks.family(one.type.family);
    if (!rocks.db->Get({}, family, key, &value).ok()) break;
    return rocks.db->Put({}, family, key, "\x01[]").ok() ? 0 : 1;
  }
  return std::fprintf(stderr, "there is no such record\n"), 1;
}
int change_object(Rocks& rocks, const std::string& what, const std::string& bucket,
                  const std::string& key, const std::string& other) {
  auto [row, value] = version_of(rocks, bucket, key);
  if (row.empty()) return std::fprintf(stderr, "there is no such object\n"), 1;
  if (what == "delete")
    return rocks.db->Delete({}, rocks.family(Family::objects), row).ok() ? 0 : 1;
  if (what == "edit")
    value[value.size() - 40] = static_cast<char>(value[value.size() - 40] ^ 1);
  else if (what == "swap")
    std::swap(value[value.size() - 40], value[value.size() - 41]);
  else if (what == "append")
    value += 'x';
  else if (what == "cut")
    value.pop_back();
  else if (what == "replace")
    value = version_of(rocks, bucket, other).second;
  else
    return 2;
  return rocks.db->Put({}, rocks.family(Family::objects), row, value).ok() ? 0 : 1;
}
}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> given(argv + 1, argv + argc);
  if (given.size() < 4) return 2;
  const auto text = [&](size_t i) { return i < given.size() ? given[i] : std::string(); };
  const auto number = [&](size_t i) {
    return static_cast<uint64_t>(parse_int(text(i)).value_or(0));
  };
  const auto keys = open_keyring(given[0], cli::default_root_key(given[0]));
  if (!keys) return std::fprintf(stderr, "%s\n", keys.error().message.c_str()), 1;
  const auto rocks =
      open_rocks(given[0] + "/db", keys->store, cli::recorded_scope(given[0]).value());
  if (!rocks) return std::fprintf(stderr, "%s\n", rocks.error().message.c_str()), 1;
  const int code = given[1] == "audit" ? change_record(**rocks, given[2], number(3), number(4))
                   : given[1] == "record"
                       ? change_record_of(**rocks, given[2], given[3])
                       : change_object(**rocks, given[2], given[3], text(4), text(5));
  return code ? code : (*rocks)->db->FlushWAL(true).ok() ? 0 : 1;
}
