// SPDX-License-Identifier: Apache-2.0
#include "request/session.h"

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/crypto.h"

namespace sluice {
namespace {
constexpr std::string_view kAad = "sluice-session-1";

class SealedSessions : public Sessions {
 public:
  explicit SealedSessions(Secret key) : key_(std::move(key)) {}

  Session mint(std::string_view role_arn, std::string_view role_id, std::string_view session_name,
               int64_t duration_s, SessionMarks marks) override {
    Session s;
    s.access_key_id = "ASIA" + random_upper(16);
    s.secret_access_key = Secret(base64(random_bytes(30)));
    s.role_arn = role_arn;
    s.role_id = role_id;
    s.role_name = s.role_arn.substr(s.role_arn.rfind('/') + 1);
    s.session_name = session_name;
    s.issued = now() / 1000 * 1000;
    s.expires = s.issued + duration_s * 1000;
    s.marks = std::move(marks);
    json::object sealed{{"k", s.access_key_id}, {"s", s.secret_access_key.expose()},
                        {"r", s.role_arn},      {"i", s.role_id},
                        {"n", s.session_name},  {"b", s.issued},
                        {"e", s.expires}};
    if (json::object marked = packed(s.marks); !marked.empty()) sealed["m"] = std::move(marked);
    const Secret plain(json::serialize(sealed));
    s.token = base64(aead_seal_random(key_, plain.expose(), kAad));
    return s;
  }

  Result<Session> open(std::string_view token) override {
    const Error invalid{
        400, "InvalidToken", "The provided token is malformed or otherwise invalid.", {}};
    if (token.size() > kTokenBytesMax) return invalid;
    const auto sealed = unbase64(token);
    if (!sealed) return invalid;
    const auto opened = aead_open_random(key_, *sealed, kAad);
    if (!opened) return invalid;
    const Secret plain(*opened);
    auto parsed = parse_json_object(plain.expose());
    if (!parsed) return invalid;
    Session s;
    s.access_key_id = text_of(*parsed, "k");
    s.secret_access_key = Secret(text_of(*parsed, "s"));
    s.token = token;
    s.role_arn = text_of(*parsed, "r");
    s.role_id = text_of(*parsed, "i");
    s.role_name = s.role_arn.substr(s.role_arn.rfind('/') + 1);
    s.session_name = text_of(*parsed, "n");
    s.issued = int_of(*parsed, "b");
    s.expires = int_of(*parsed, "e");
    if (const json::value* marks = parsed->if_contains("m")) s.marks = unpacked(marks->as_object());
    return s;
  }

 private:
  const Secret key_;
};
}  // namespace

std::string Session::arn(const Scope& scope) const {
  return "arn:aws:sts::" + scope.account_id + ":assumed-role/" + role_name + "/" + session_name;
}

std::unique_ptr<Sessions> make_sessions(Store& store) {
  return std::make_unique<SealedSessions>(store.derive_key("session"));
}

}  // namespace sluice
