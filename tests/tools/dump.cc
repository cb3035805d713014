// SPDX-License-Identifier: Apache-2.0
// Prints everything in the store of a stopped server, for tests that compare before and after: a
// digest for each key, and the audit records.
//   dump DATA_DIR -> {"keys": {"<family>/<table>/<part>...": "<sha256>"}, "audit": [record...]}
#include <cstdio>

#include "base/bytes.h"
#include "cli/server.h"
#include "crypto/crypto.h"
#include "store/keyring.h"
#include "store/log.h"
#include "store/rocks.h"

namespace {
using namespace sluice;

// Parts are text or numbers: shown so that a difference can be read.
std::string shown(std::string_view family, std::string_view key) {
  std::string out(family);
  for (const char c : key) {
    if (c >= ' ' && c < 127)
      out += c;
    else
      out += "\\" + hex(std::string_view(&c, 1));
  }
  return out;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string dir = argv[1];
  const auto keys = open_keyring(dir, cli::default_root_key(dir));
  if (!keys) return std::fprintf(stderr, "%s\n", keys.error().message.c_str()), 1;
  const auto rocks = open_rocks(dir + "/db", keys->store, cli::recorded_scope(dir).value());
  if (!rocks) return std::fprintf(stderr, "%s\n", rocks.error().message.c_str()), 1;
  json::object digests;
  json::array audit;
  for (size_t i = 0; i < kFamilies; ++i) {
    const auto family = static_cast<Family>(i);
    std::unique_ptr<rocksdb::Iterator> it((*rocks)->db->NewIterator({}, (*rocks)->family(family)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      const std::string_view value = it->value().ToStringView();
      std::string_view key = it->key().ToStringView();
      for (const std::string* place : {&(*rocks)->region, &(*rocks)->account})
        if (key.starts_with(*place)) {
          key.remove_prefix(place->size());
          break;
        }
      if (key == log_end_key(kAuditLog.entries()).bytes) continue;  // says what `audit` says
      if (family != Family::audit)
        digests[shown(std::to_string(i) + "/", key)] = hex(sha256(value));
      else if (auto record = parse_json(value.substr(32)))
        audit.push_back(*std::move(record));
    }
  }
  std::puts(json::serialize(json::object{{"keys", digests}, {"audit", audit}}).c_str());
  return 0;
}
