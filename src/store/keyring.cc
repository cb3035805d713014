// SPDX-License-Identifier: Apache-2.0
#include "store/keyring.h"

#include <unistd.h>

#include <cstdio>

#include "base/bytes.h"
#include "base/files.h"
#include "base/json.h"
#include "base/random.h"
#include "crypto/crypto.h"
#include "store/root_key.h"

namespace sluice {
namespace {
constexpr char kComesFrom[] = "comes_from_format";
constexpr char kMaster[] = "master_key";
// In a directory of an earlier version the bytes of the first root key are the master secret.
constexpr char kMasterWasRootKey[] = "master_was_root_key";
constexpr std::string_view kWrapAad = "sluice-store-key-1";
Error failure(std::string text) { return {500, "StoreFailure", std::move(text), {}}; }

// The root key with which each of these seals of the master secret can be opened. There are two
// only while the root key is being changed: the newer one is the last.
json::array seals_of(const json::object& keyring) {
  const json::value* seals = keyring.if_contains(kMaster);
  return seals && seals->is_array() ? seals->get_array() : json::array();
}
struct Opened {
  Secret master;
  bool by_last = false;
};
Result<Opened> open_seals(const json::array& seals, const std::string& root_key,
                          const std::string& data_dir) {
  std::string kind;
  for (size_t i = 0; i < seals.size(); ++i) {
    if (!seals[i].is_object()) continue;
    kind = text_of(seals[i].get_object(), "root_key");
    if (kind != kind_of_root_key(root_key)) continue;
    auto master = open_master(root_key, seals[i].get_object());
    if (master) return Opened{*std::move(master), i + 1 == seals.size()};
    if (master.error().code != "WrongRootKey") return std::move(master).error();
  }
  if (kind != kind_of_root_key(root_key) && (kind == "passphrase" || kind == "pkcs11"))
    return failure("the root key of the data directory " + data_dir + " is " +
                   (kind == "pkcs11" ? "a key of a PKCS#11 token" : "a passphrase") +
                   ": name it with --root-key " + kind + ":...");
  return failure("the root key " + shown_root_key(root_key) +
                 " does not belong to the data directory " + data_dir);
}

bool write_keyring(const std::string& data_dir, const json::object& keyring) {
  return replace_file(data_dir + "/keyring.json", json::serialize(keyring));
}
Result<json::object> read_keyring(const std::string& data_dir) {
  const std::string path = data_dir + "/keyring.json";
  auto keyring = parse_json_object(read_file(path).value_or(""));
  if (!keyring) return failure(path + " is damaged: it is not JSON; restore it from a backup");
  return keyring;
}
// A directory of an earlier version has no seals: its root key, a file, is the master secret.
Result<Opened> open_keyring_master(const json::object& keyring, const std::string& root_key,
                                   const std::string& data_dir) {
  if (keyring.contains(kMaster)) return open_seals(seals_of(keyring), root_key, data_dir);
  if (!is_root_key_file(root_key))
    return failure("the root key of the data directory " + data_dir +
                   " is a file still; change it with: sluice root-key rotate --new " +
                   shown_root_key(root_key));
  TRY(Secret master, read_root_key(root_key));
  return Opened{std::move(master), true};
}

Result<Keyring> make_keyring(const std::string& data_dir, const std::string& root_key) {
  if (is_root_key_file(root_key)) {
    if (access(root_key.c_str(), F_OK) != 0) CHECK(make_root_key(root_key));
    // One that was there already may be of a start that died before its name was on disk.
    (void)sync_folder_of(root_key);
  }
  const Secret master(random_bytes(32)), store(random_bytes(32));
  TRY(json::object sealed, seal_master(root_key, master));
  const std::string wrapped =
      aead_seal_random(hkdf_sha256(master, "store"), store.expose(), kWrapAad);
  if (!write_keyring(data_dir, {{"format", kFormatVersion},
                                {kMaster, json::array{std::move(sealed)}},
                                {"store_key", base64(wrapped)}}))
    return failure("cannot write " + data_dir + "/keyring.json");
  return Keyring{master, store};
}
}  // namespace

Result<Keyring> open_keyring(const std::string& data_dir, const std::string& root_key) {
  if (!read_file(data_dir + "/keyring.json")) return make_keyring(data_dir, root_key);
  TRY(const json::object keyring, read_keyring(data_dir));
  const int64_t format = int_of(keyring, "format");
  if (format > kFormatVersion)
    return failure("the data directory " + data_dir + " has format " + std::to_string(format) +
                   ", made by a newer Sluice; this one reads format " +
                   std::to_string(kFormatVersion) + ". Use the newer program.");
  TRY(Opened opened, open_keyring_master(keyring, root_key, data_dir));
  const auto wrapped = unbase64(text_of(keyring, "store_key"));
  const auto store = wrapped
                         ? aead_open_random(hkdf_sha256(opened.master, "store"), *wrapped, kWrapAad)
                         : std::nullopt;
  if (!store)
    return failure("the root key " + shown_root_key(root_key) +
                   " does not belong to the data directory " + data_dir);
  // A change of the root key that was interrupted behind its point of no return ends here.
  if (opened.by_last && seals_of(keyring).size() > 1) {
    json::object ended = keyring;
    ended[kMaster] = json::array{seals_of(keyring).back()};
    (void)write_keyring(data_dir, ended);  // when it fails, the next start does it
  }
  return Keyring{std::move(opened.master), Secret(*store), int_of(keyring, kComesFrom, format)};
}

Result<Rotated> rotate_root_key(const std::string& data_dir, const std::string& from,
                                const std::string& to,
                                const std::function<void(std::string_view)>& crash_point) {
  const auto at = [&](std::string_view place) {
    if (crash_point) crash_point(place);
  };
  TRY(json::object keyring, read_keyring(data_dir));
  TRY(const Opened opened, open_keyring_master(keyring, from, data_dir));
  // A file is replaced in its place, when the keyring knows the new one already.
  const bool in_place = to == from && is_root_key_file(to);
  const std::string made = in_place ? to + ".next" : to;
  if (is_root_key_file(to)) {
    if (!in_place && access(to.c_str(), F_OK) == 0)
      return failure("there is a file " + to + " already; name a new one for the root key");
    CHECK(make_root_key(made));
  }
  at("made");
  TRY(json::object sealed, seal_master(made, opened.master));
  json::array both = seals_of(keyring);
  if (both.empty()) {
    TRY(json::object old, seal_master(from, opened.master));
    both.push_back(std::move(old));
    keyring[kMasterWasRootKey] = true;
  }
  both.push_back(sealed);
  keyring[kMaster] = std::move(both);
  if (!write_keyring(data_dir, keyring)) return failure("cannot write the keyring of " + data_dir);
  at("both open it");
  if (in_place && (rename(made.c_str(), to.c_str()) != 0 || !sync_folder_of(to)))
    return failure("cannot replace the root key " + to + "; the new one is " + made);
  at("in its place");
  keyring[kMaster] = json::array{std::move(sealed)};
  if (!write_keyring(data_dir, keyring)) return failure("cannot write the keyring of " + data_dir);
  return Rotated{bool_of(keyring, kMasterWasRootKey)};
}

namespace {
Result<Done> change_keyring(const std::string& data_dir,
                            const std::function<void(json::object&)>& change) {
  TRY(json::object keyring, read_keyring(data_dir));
  change(keyring);
  if (!write_keyring(data_dir, keyring)) return failure("cannot write the keyring of " + data_dir);
  return Done{};
}
}  // namespace
Result<Done> begin_format(const std::string& data_dir, int64_t from) {
  return change_keyring(data_dir, [&](json::object& keyring) {
    keyring["format"] = kFormatVersion;
    keyring[kComesFrom] = from;
  });
}
Result<Done> end_format(const std::string& data_dir) {
  return change_keyring(data_dir, [](json::object& keyring) { keyring.erase(kComesFrom); });
}

}  // namespace sluice
