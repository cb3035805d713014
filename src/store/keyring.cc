// SPDX-License-Identifier: Apache-2.0
#include "store/keyring.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/files.h"
#include "base/json.h"
#include "base/random.h"
#include "crypto/crypto.h"

namespace sluice {
namespace {
constexpr char kComesFrom[] = "comes_from_format";
constexpr std::string_view kWrapAad = "sluice-store-key-1";
Error failure(std::string text) { return {500, "StoreFailure", std::move(text), {}}; }

Result<Secret> read_root(const std::string& file) {
  const auto text = read_file(file);
  if (!text)
    return failure("cannot read the root key " + file +
                   ": without it nothing in the data directory can be read; put the file back, or "
                   "name it with --root-key");
  struct stat facts{};
  if (stat(file.c_str(), &facts) == 0 && (facts.st_mode & 077))
    return failure("the root key " + file + " is open to other users; run: chmod 600 " + file);
  const auto bytes = unhex(text->substr(0, 64));
  if (!bytes || bytes->size() != 32)
    return failure("the root key " + file + " is not 64 hex digits");
  return Secret(*bytes);
}
}  // namespace

Result<Keyring> open_keyring(const std::string& data_dir, const std::string& root_key_file) {
  const std::string path = data_dir + "/keyring.json";
  const auto text = read_file(path);
  if (!text) {
    if (access(root_key_file.c_str(), F_OK) != 0 &&
        !replace_file(root_key_file, hex(random_bytes(32)) + "\n"))
      return failure("cannot write the root key " + root_key_file +
                     ": name a writable place with --root-key");
    // One that was there already may be of a start that died before its name was on disk.
    (void)sync_folder_of(root_key_file);
    TRY(const Secret root, read_root(root_key_file));
    const Secret store(random_bytes(32));
    const std::string wrapped =
        aead_seal_random(hkdf_sha256(root, "store"), store.expose(), kWrapAad);
    if (!replace_file(path, json::serialize(json::object{{"format", kFormatVersion},
                                                         {"store_key", base64(wrapped)}})))
      return failure("cannot write " + path);
    return Keyring{root, store};
  }
  auto parsed = parse_json_object(*text);
  if (!parsed) return failure(path + " is damaged: it is not JSON; restore it from a backup");
  const int64_t format = int_of(*parsed, "format");
  if (format > kFormatVersion)
    return failure("the data directory " + data_dir + " has format " + std::to_string(format) +
                   ", made by a newer Sluice; this one reads format " +
                   std::to_string(kFormatVersion) + ". Use the newer program.");
  TRY(const Secret root, read_root(root_key_file));
  const auto wrapped = unbase64(text_of(*parsed, "store_key"));
  const auto store =
      wrapped ? aead_open_random(hkdf_sha256(root, "store"), *wrapped, kWrapAad) : std::nullopt;
  if (!store)
    return failure("the root key " + root_key_file + " does not belong to the data directory " +
                   data_dir);
  return Keyring{root, Secret(*store), int_of(*parsed, kComesFrom, format)};
}

namespace {
Result<Done> change_keyring(const std::string& data_dir,
                            const std::function<void(json::object&)>& change) {
  const std::string path = data_dir + "/keyring.json";
  TRY(json::object keyring, parse_json_object(read_file(path).value_or("")));
  change(keyring);
  if (!replace_file(path, json::serialize(keyring))) return failure("cannot write " + path);
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
