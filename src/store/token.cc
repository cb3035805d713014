// SPDX-License-Identifier: Apache-2.0
#include "store/token.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/files.h"
#include "base/random.h"
#include "store/root_key.h"

namespace sluice {
namespace {
constexpr size_t kIvBytes = 16, kSealedBytesMax = 1024;

Error failure(std::string text) { return {500, "StoreFailure", std::move(text), {}}; }

// What the token says of a call that failed.
Error refused(const std::string& what, CK_RV code) {
  return failure("the PKCS#11 token: " + what + ": " +
                 p11_kit_strerror(code == CKR_OK ? CKR_GENERAL_ERROR : code));
}

// The modules that p11-kit loaded, until they are released.
class Modules {
 public:
  explicit Modules(const char* path) {
    if (!path) {
      all_ = p11_kit_modules_load_and_initialize(0);
      return;
    }
    CK_FUNCTION_LIST* one = p11_kit_module_load(path, 0);
    if (!one) return;
    if (p11_kit_module_initialize(one) != CKR_OK) {
      p11_kit_module_release(one);
      return;
    }
    named_ = {one, nullptr};
  }
  ~Modules() {
    if (all_) p11_kit_modules_finalize_and_release(all_);
    if (named_.empty()) return;
    p11_kit_module_finalize(named_.front());
    p11_kit_module_release(named_.front());
  }
  Modules(const Modules&) = delete;
  Modules& operator=(const Modules&) = delete;
  CK_FUNCTION_LIST** list() { return named_.empty() ? all_ : named_.data(); }

 private:
  CK_FUNCTION_LIST** all_ = nullptr;
  std::vector<CK_FUNCTION_LIST*> named_;
};

// A session of the token, in which the key was found.
class Session {
 public:
  explicit Session(CK_FUNCTION_LIST* module) : module_(module) {}
  ~Session() {
    if (open_) module_->C_CloseSession(handle_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Result<Done> open(CK_SLOT_ID slot, const Secret& pin) {
    CK_RV code = module_->C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &handle_);
    if (code != CKR_OK) return refused("no session can be opened", code);
    open_ = true;
    if (pin.empty()) return Done{};
    std::string text(pin.expose());
    code = module_->C_Login(handle_, CKU_USER, reinterpret_cast<unsigned char*>(text.data()),
                            text.size());
    OPENSSL_cleanse(text.data(), text.size());
    if (code != CKR_OK && code != CKR_USER_ALREADY_LOGGED_IN)
      return refused("the PIN is not accepted", code);
    return Done{};
  }
  // The one secret key that has these attributes.
  Result<Done> find(P11KitUri* uri) {
    CK_ULONG count = 0;
    CK_ATTRIBUTE* named = p11_kit_uri_get_attributes(uri, &count);
    std::vector<CK_ATTRIBUTE> wanted;
    for (CK_ULONG i = 0; i < count; ++i)
      if (named[i].type != CKA_CLASS) wanted.push_back(named[i]);
    if (wanted.empty()) return failure("the PKCS#11 URI names no key: add object=NAME or id=ID");
    CK_OBJECT_CLASS secret_key = CKO_SECRET_KEY;
    wanted.push_back({CKA_CLASS, &secret_key, sizeof secret_key});
    CK_RV code = module_->C_FindObjectsInit(handle_, wanted.data(), wanted.size());
    if (code != CKR_OK) return refused("its keys cannot be listed", code);
    CK_OBJECT_HANDLE found[2];
    CK_ULONG found_count = 0;
    code = module_->C_FindObjects(handle_, found, 2, &found_count);
    module_->C_FindObjectsFinal(handle_);
    if (code != CKR_OK) return refused("its keys cannot be listed", code);
    if (found_count != 1)
      return failure(found_count == 0 ? "the PKCS#11 token has no such secret key"
                                      : "the PKCS#11 URI names more than one key");
    key_ = found[0];
    return Done{};
  }
  // CKM_AES_CBC_PAD, which every token has.
  Result<std::string> encrypt(std::string plain) {
    std::string iv = random_bytes(kIvBytes), out(plain.size() + kIvBytes, '\0');
    CK_MECHANISM mechanism{CKM_AES_CBC_PAD, iv.data(), iv.size()};
    CK_ULONG size = out.size();
    CK_RV code = module_->C_EncryptInit(handle_, &mechanism, key_);
    if (code == CKR_OK)
      code = module_->C_Encrypt(handle_, bytes(plain), plain.size(), bytes(out), &size);
    OPENSSL_cleanse(plain.data(), plain.size());
    if (code != CKR_OK) return refused("it cannot encrypt with this key", code);
    return iv + out.substr(0, size);
  }
  Result<Secret> decrypt(std::string_view sealed) {
    if (sealed.size() < 2 * kIvBytes || sealed.size() > kSealedBytesMax)
      return failure("what the PKCS#11 token sealed is damaged");
    std::string iv(sealed.substr(0, kIvBytes)), rest(sealed.substr(kIvBytes)),
        out(rest.size(), '\0');
    CK_MECHANISM mechanism{CKM_AES_CBC_PAD, iv.data(), iv.size()};
    CK_ULONG size = out.size();
    if (const CK_RV code = module_->C_DecryptInit(handle_, &mechanism, key_); code != CKR_OK)
      return refused("it cannot decrypt with this key", code);
    // The padding shows most of what another key sealed; the rest is for the caller's proof.
    if (module_->C_Decrypt(handle_, bytes(rest), rest.size(), bytes(out), &size) != CKR_OK)
      return Error{500, "WrongRootKey", "this key of the PKCS#11 token did not seal it", {}};
    Secret plain(out.substr(0, size));
    OPENSSL_cleanse(out.data(), out.size());
    return plain;
  }

 private:
  static unsigned char* bytes(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
  }
  CK_FUNCTION_LIST* const module_;
  CK_SESSION_HANDLE handle_ = 0;
  CK_OBJECT_HANDLE key_ = 0;
  bool open_ = false;
};

Result<Secret> pin_of(P11KitUri* uri) {
  if (const char* value = p11_kit_uri_get_pin_value(uri)) return Secret(value);
  const char* source = p11_kit_uri_get_pin_source(uri);
  if (!source) return Secret();
  std::string path = source;
  if (path.starts_with("file:")) path.erase(0, 5);
  auto text = read_file(path);
  if (!text) return failure("cannot read the PIN of the PKCS#11 token from " + path);
  CHECK(check_private(path, "PIN"));
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  return Secret(*std::move(text));
}

struct Token {
  CK_FUNCTION_LIST* module;
  CK_SLOT_ID slot;
};
// The first token that the URI is of.
std::optional<Token> find_token(CK_FUNCTION_LIST** modules, P11KitUri* uri) {
  for (; *modules; ++modules) {
    CK_ULONG count = 0;
    if ((*modules)->C_GetSlotList(CK_TRUE, nullptr, &count) != CKR_OK) continue;
    std::vector<CK_SLOT_ID> slots(count);
    if ((*modules)->C_GetSlotList(CK_TRUE, slots.data(), &count) != CKR_OK) continue;
    slots.resize(std::min<size_t>(count, slots.size()));
    for (const CK_SLOT_ID slot : slots) {
      CK_TOKEN_INFO info;
      if ((*modules)->C_GetTokenInfo(slot, &info) == CKR_OK &&
          p11_kit_uri_match_token_info(uri, &info))
        return Token{*modules, slot};
    }
  }
  return std::nullopt;
}

// Opens a session with the key that the URI names, and does one thing there.
template <class Answer, class Fn>
Result<Answer> with_key(const std::string& text, const Fn& fn) {
  const std::unique_ptr<P11KitUri, void (*)(P11KitUri*)> uri(p11_kit_uri_new(), p11_kit_uri_free);
  if (p11_kit_uri_parse(text.c_str(), P11_KIT_URI_FOR_ANY, uri.get()) != P11_KIT_URI_OK)
    return failure("the root key " + shown_root_key(text) + " is no PKCS#11 URI (RFC 7512)");
  TRY(const Secret pin, pin_of(uri.get()));
  Modules modules(p11_kit_uri_get_module_path(uri.get()));
  if (!modules.list())
    return failure(
        "no PKCS#11 module can be loaded: install that of the token, or name it with "
        "module-path=/path in the URI");
  const auto token = find_token(modules.list(), uri.get());
  if (!token)
    return failure("there is no such PKCS#11 token as the root key names; is it plugged in?");
  Session session(token->module);
  CHECK(session.open(token->slot, pin));
  CHECK(session.find(uri.get()));
  return fn(session);
}
}  // namespace

Result<std::string> token_encrypt(const std::string& uri, const Secret& plain) {
  return with_key<std::string>(
      uri, [&](Session& session) { return session.encrypt(std::string(plain.expose())); });
}
Result<Secret> token_decrypt(const std::string& uri, std::string_view sealed) {
  return with_key<Secret>(uri, [&](Session& session) { return session.decrypt(sealed); });
}

}  // namespace sluice
