// SPDX-License-Identifier: Apache-2.0
#include "cli/certificate_session.h"

#include <cstdlib>

#include <algorithm>

#include "base/bytes.h"
#include "base/files.h"
#include "crypto/certificate.h"
#include "crypto/crypto.h"

namespace sluice::cli {
namespace {
constexpr size_t kChainMax = 5;
Error wrong(std::string why) { return {400, "CertificateFailure", std::move(why), {}}; }

Result<std::string> text_in(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return wrong("cannot read " + path);
  return *text;
}
Result<std::vector<Certificate>> certificates_in(const std::string& path) {
  TRY(const std::string pem, text_in(path));
  auto read = Certificate::from_pem(pem, kChainMax + 1);
  if (!read) return wrong(path + " must hold certificates in PEM, and nothing else");
  return *std::move(read);
}

// The request's head, signed with the certificate's key (AWS4-X509).
std::string signed_head(const CertificateAsked& asked, const std::string& host,
                        const Certificate& leaf, const std::vector<Certificate>& between,
                        const CertificateKey& key, const std::string& body) {
  const std::string date = basic_date(now());
  const std::string scope = date.substr(0, 8) + "/" + asked.region + "/rolesanywhere/aws4_request";
  const std::string query = "profileArn=" + percent_encode(asked.profile) +
                            "&roleArn=" + percent_encode(asked.role) +
                            "&trustAnchorArn=" + percent_encode(asked.trust_anchor);
  std::vector<std::pair<std::string, std::string>> headers{{"content-type", "application/json"},
                                                           {"host", host},
                                                           {"x-amz-date", date},
                                                           {"x-amz-x509", base64(leaf.der())}};
  std::string chain;
  for (const Certificate& one : between) chain += (chain.empty() ? "" : ",") + base64(one.der());
  if (!chain.empty()) headers.emplace_back("x-amz-x509-chain", chain);
  std::string canonical = "POST\n/sessions\n" + query + "\n", names;
  std::string head = "POST /sessions?" + query + " HTTP/1.1\r\n";
  for (const auto& [name, value] : headers) {
    canonical += name + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + name;
    head += name + ": " + value + "\r\n";
  }
  canonical += "\n" + names + "\n" + hex(sha256(body));
  const std::string algorithm = key.is_rsa() ? "AWS4-X509-RSA-SHA256" : "AWS4-X509-ECDSA-SHA256";
  const std::string signature =
      hex(key.sign_sha256(algorithm + "\n" + date + "\n" + scope + "\n" + hex(sha256(canonical))));
  return head + "authorization: " + algorithm + " Credential=" + leaf.serial_decimal() + "/" +
         scope + ", SignedHeaders=" + names + ", Signature=" + signature +
         "\r\nuser-agent: sluice-cli\r\ncontent-length: " + std::to_string(body.size()) +
         "\r\n\r\n";
}

// A signature is good for five minutes. A device often has no clock of its own that keeps the time,
// and cannot tell by the refusal alone.
Error refusal_of(const Reply& reply) {
  constexpr Time kMinuteMs = 60'000;
  Error error = error_of(reply);
  const auto theirs = parse_http_date(reply.headers.get("date"));
  const Time late = theirs ? *theirs - now() : 0;
  const Time minutes = (std::abs(late) + kMinuteMs / 2) / kMinuteMs;
  if (minutes >= 5)
    error.message += "; this machine's clock is " + std::to_string(minutes) + " minutes " +
                     (late > 0 ? "behind" : "ahead of") +
                     " the server's: set it (NTP does so by itself) and ask again";
  return error;
}
}  // namespace

Result<Credentials> certificate_credentials(const CertificateAsked& asked) {
  TRY(std::vector<Certificate> chain, certificates_in(asked.certificate));
  const Certificate leaf = chain.front();
  chain.erase(chain.begin());
  if (!asked.intermediates.empty()) {
    TRY(const auto more, certificates_in(asked.intermediates));
    chain.insert(chain.end(), more.begin(), more.end());
  }
  TRY(const std::string pem, text_in(asked.private_key));
  const auto key = CertificateKey::from_pem(Secret(pem));
  if (!key) return wrong(asked.private_key + " must hold a key of RSA or ECDSA in PEM");
  TRY(const auto wire, TlsWire::open(asked.endpoint, {{}, asked.ca_file}));
  std::string host = asked.endpoint.substr(asked.endpoint.find("//") + 2);
  host = host.substr(0, host.find('/'));
  const std::string body = json::serialize(json::object{{"durationSeconds", asked.duration_s}});
  if (!wire->write(signed_head(asked, host, leaf, chain, *key, body)) || !wire->write(body))
    return wrong("the server stopped reading the request");
  TRY(const Reply reply, wire->receive(false));
  if (reply.status != 201) return refusal_of(reply);
  TRY(const json::object answer, parse_json_object(reply.body));
  const json::value* sets = answer.if_contains("credentialSet");
  if (!sets || !sets->is_array() || sets->get_array().empty() ||
      !sets->get_array()[0].is_object() ||
      !sets->get_array()[0].get_object().contains("credentials") ||
      !sets->get_array()[0].get_object().at("credentials").is_object())
    return wrong("the server's answer has no credentials");
  const json::object& given = sets->get_array()[0].get_object().at("credentials").get_object();
  return Credentials{text_of(given, "accessKeyId"), Secret(text_of(given, "secretAccessKey")),
                     text_of(given, "sessionToken"), text_of(given, "expiration")};
}

}  // namespace sluice::cli
