// SPDX-License-Identifier: Apache-2.0
#include "store/root_key.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/files.h"
#include "base/random.h"
#include "crypto/crypto.h"
#include "store/token.h"

namespace sluice {
namespace {
constexpr std::string_view kPassphrase = "passphrase:", kToken = "pkcs11:", kPurpose = "master",
                           kAad = "sluice-master-1";
// 128 MiB and a third of a second for each guess.
constexpr ScryptCost kCost{.n = 1 << 17, .r = 8, .p = 1};
constexpr uint64_t kCostMax = 1 << 20;  // 1 GiB: a keyring that asks for more is damaged

Error failure(std::string text) { return {500, "StoreFailure", std::move(text), {}}; }
Error wrong_key(const std::string& root_key) {
  return {500, "WrongRootKey", "the root key " + shown_root_key(root_key) + " is another one", {}};
}

Result<Secret> read_passphrase(const std::string& file) {
  const auto text = read_file(file);
  if (!text)
    return failure("cannot read the passphrase of the root key from " + file +
                   ": without it nothing in the data directory can be read");
  CHECK(check_private(file, "passphrase"));
  Secret passphrase(text->substr(0, text->find_first_of("\r\n")));
  if (passphrase.size() < kPassphraseMin || passphrase.size() > kPassphraseMax)
    return failure("the passphrase in " + file + " must have " + std::to_string(kPassphraseMin) +
                   " to " + std::to_string(kPassphraseMax) + " bytes in its first line");
  return passphrase;
}
Result<Secret> passphrase_key(const std::string& root_key, std::string_view salt,
                              const ScryptCost& cost) {
  TRY(const Secret passphrase, read_passphrase(root_key.substr(kPassphrase.size())));
  return scrypt(passphrase, salt, cost);
}
}  // namespace

Result<Done> check_private(const std::string& file, const std::string& what) {
  struct stat facts{};
  if (stat(file.c_str(), &facts) == 0 && (facts.st_mode & 077))
    return failure("the " + what + " " + file + " is open to other users; run: chmod 600 " + file);
  return Done{};
}
std::string shown_root_key(const std::string& root_key) {
  return root_key.starts_with(kToken) ? root_key.substr(0, root_key.find('?')) : root_key;
}
bool is_root_key_file(std::string_view root_key) {
  return !root_key.starts_with(kPassphrase) && !root_key.starts_with(kToken);
}
std::string kind_of_root_key(std::string_view root_key) {
  return root_key.starts_with(kPassphrase) ? "passphrase"
         : root_key.starts_with(kToken)    ? "pkcs11"
                                           : "file";
}
Result<Secret> read_root_key(const std::string& file) {
  const auto text = read_file(file);
  if (!text)
    return failure("cannot read the root key " + file +
                   ": without it nothing in the data directory can be read; put the file back, or "
                   "name it with --root-key");
  CHECK(check_private(file, "root key"));
  const auto bytes = unhex(text->substr(0, 64));
  if (!bytes || bytes->size() != 32)
    return failure("the root key " + file + " is not 64 hex digits");
  return Secret(*bytes);
}
Result<Done> make_root_key(const std::string& file) {
  if (!replace_file(file, hex(random_bytes(32)) + "\n"))
    return failure("cannot write the root key " + file + ": name a writable place with --root-key");
  return Done{};
}

Result<json::object> seal_master(const std::string& root_key, const Secret& master) {
  json::object sealed{{"root_key", kind_of_root_key(root_key)}};
  Secret key;
  if (root_key.starts_with(kPassphrase)) {
    const std::string salt = random_bytes(16);
    TRY(key, passphrase_key(root_key, salt, kCost));
    sealed["scrypt"] =
        json::object{{"salt", base64(salt)}, {"n", kCost.n}, {"r", kCost.r}, {"p", kCost.p}};
  } else if (root_key.starts_with(kToken)) {
    key = Secret(random_bytes(kAeadKeyBytes));
    TRY(const std::string by_token, token_encrypt(root_key, key));
    sealed["key"] = base64(by_token);
  } else {
    TRY(const Secret root, read_root_key(root_key));
    key = hkdf_sha256(root, kPurpose);
  }
  sealed["master"] = base64(aead_seal_random(key, master.expose(), kAad));
  return sealed;
}

Result<Secret> open_master(const std::string& root_key, const json::object& sealed) {
  if (text_of(sealed, "root_key") != kind_of_root_key(root_key)) return wrong_key(root_key);
  Secret key;
  if (root_key.starts_with(kPassphrase)) {
    const json::value* scrypt = sealed.if_contains("scrypt");
    const json::object& cost = scrypt && scrypt->is_object() ? scrypt->get_object() : sealed;
    const auto salt = unbase64(text_of(cost, "salt"));
    const ScryptCost given{.n = static_cast<uint64_t>(int_of(cost, "n")),
                           .r = static_cast<uint64_t>(int_of(cost, "r")),
                           .p = static_cast<uint64_t>(int_of(cost, "p"))};
    if (!salt || given.n > kCostMax || given.r > kCost.r || given.p > kCost.p)
      return failure("keyring.json is damaged: its scrypt parameters cannot be");
    TRY(key, passphrase_key(root_key, *salt, given));
  } else if (root_key.starts_with(kToken)) {
    TRY(key, token_decrypt(root_key, unbase64(text_of(sealed, "key")).value_or("")));
    if (key.size() != kAeadKeyBytes) return wrong_key(root_key);
  } else {
    TRY(const Secret root, read_root_key(root_key));
    key = hkdf_sha256(root, kPurpose);
  }
  const auto bytes = unbase64(text_of(sealed, "master"));
  auto master = bytes ? aead_open_random(key, *bytes, kAad) : std::nullopt;
  if (!master) return wrong_key(root_key);
  return Secret(*std::move(master));
}

}  // namespace sluice
