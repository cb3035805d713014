// SPDX-License-Identifier: Apache-2.0
// sluice credentials: a session of the operator, of a role, of another user's role, or for a
// certificate; once, or served
// on loopback to the programs of this user.
#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/files.h"
#include "base/random.h"
#include "base/thread_safety.h"
#include "base/xml.h"
#include "cli/certificate_session.h"
#include "cli/server.h"
#include "crypto/crypto.h"
#include "net/server.h"

namespace sluice::cli {
namespace {
struct Asked {
  std::string role, socket;
  int64_t duration_s = 3600;
  CertificateAsked certificate;
  uint16_t port = 0;
  std::string token_file;
};

Result<Credentials> assumed(const Common& common, const std::string& role, int64_t duration_s) {
  TRY(const auto client, Client::connect(common));
  const std::string arn = role.starts_with("arn:")
                              ? role
                              : "arn:aws:iam::" + client->endpoint().account_id + ":role/" + role;
  TRY(const std::string text,
      client->call_query("sts", {{"Action", "AssumeRole"},
                                 {"Version", "2011-06-15"},
                                 {"RoleArn", arn},
                                 {"RoleSessionName", "sluice-cli"},
                                 {"DurationSeconds", std::to_string(duration_s)}}));
  pugi::xml_document document;
  document.load_buffer(text.data(), text.size());
  const auto value = [&](const char* name) {
    return std::string(
        document.select_node(("//Credentials/" + std::string(name)).c_str()).node().child_value());
  };
  return Credentials{value("AccessKeyId"), Secret(value("SecretAccessKey")), value("SessionToken"),
                     value("Expiration")};
}

Result<Credentials> session_of(const Common& common, const Asked& asked) {
  if (!asked.certificate.certificate.empty()) {
    CertificateAsked shown = asked.certificate;
    shown.role = asked.role;
    shown.duration_s = asked.duration_s;
    return certificate_credentials(shown);
  }
  if (!asked.socket.empty()) return user_credentials(asked.socket, asked.duration_s);
  return asked.role.empty() ? operator_credentials(common, asked.duration_s)
                            : assumed(common, asked.role, asked.duration_s);
}

int print_credentials(const Common& common, const Asked& asked) {
  const auto session = session_of(common, asked);
  if (!session) return fail(session.error());
  fmt::print("{}\n",
             json::serialize(json::object{{"Version", 1},
                                          {"AccessKeyId", session->access_key_id},
                                          {"SecretAccessKey", session->secret_access_key.expose()},
                                          {"SessionToken", session->session_token},
                                          {"Expiration", session->expiration}}));
  return 0;
}

// The protocol of AWS_CONTAINER_CREDENTIALS_FULL_URI: who shows the token gets the session, which
// is asked for again before it ends. Source: AWS SDKs and Tools Reference Guide, "Container
// credential provider".
class Served {
 public:
  Served(const Common& common, Asked asked)
      : common_(common), asked_(std::move(asked)), token_(base64url(random_bytes(32))) {}
  const std::string& token() const { return token_; }

  Response answer(const Request& request) {
    if (request.method != "GET") return refusal(405, "Only GET is answered here.");
    // A page in a browser that finds the port by another name is none of ours.
    if (const std::string host = request.headers.get("host"); host != host_)
      return refusal(403, "The Host is not " + host_ + ".");
    if (!equal_constant_time(request.headers.get("authorization"), token_))
      return refusal(401, "The Authorization is not the token.");
    const MutexLock lock(mutex_);
    if (parse_iso(session_.expiration).value_or(0) < now() + kRefreshBeforeMs) {
      auto fresh = session_of(common_, asked_);
      if (!fresh) return refusal(502, fresh.error().message);
      session_ = *std::move(fresh);
    }
    return json_answer(200, {{"AccessKeyId", session_.access_key_id},
                             {"SecretAccessKey", session_.secret_access_key.expose()},
                             {"Token", session_.session_token},
                             {"Expiration", session_.expiration}});
  }
  void serves(std::string host) { host_ = std::move(host); }

 private:
  static constexpr Time kRefreshBeforeMs = 5 * 60 * 1000;
  static Response json_answer(int status, json::object body) {
    Response out{status, {}, json::serialize(body), nullptr, 0};
    out.headers.add("content-type", "application/json");
    return out;
  }
  static Response refusal(int status, const std::string& why) {
    return json_answer(status, {{"code", "Refused"}, {"message", why}});
  }
  const Common& common_;
  const Asked asked_;
  const std::string token_;
  std::string host_;
  Mutex mutex_;
  Credentials session_ SLUICE_GUARDED_BY(mutex_);
};

int serve_credentials(const Common& common, const Asked& asked) {
  StopSignals stops;
  if (const auto first = session_of(common, asked); !first) return fail(first.error());
  Served served(common, asked);
  if (!replace_file(asked.token_file, served.token()))
    return fail({500, "NoTokenFile", "cannot write " + asked.token_file, {}});
  net::Server server(nullptr, [&](Request request, BodySource&) { return served.answer(request); });
  const auto bound = server.listen({"127.0.0.1", asked.port}, false);
  if (!bound) return fail(bound.error());
  served.serves("127.0.0.1:" + std::to_string(bound->port));
  fmt::print("export AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:{}/\n", bound->port);
  fmt::print("export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE={}\n", asked.token_file);
  std::fflush(stdout);
  stops.wait();
  server.stop();
  unlink(asked.token_file.c_str());
  return 0;
}
}  // namespace

void add_credentials(CLI::App& app, Common& common, int& exit_code) {
  auto asked = std::make_shared<Asked>();
  CLI::App* credentials =
      app.add_subcommand("credentials", "Print a session for credential_process, or serve it");
  auto* role = credentials->add_option(
      "--role", asked->role, "name or ARN of a role to assume; the operator's own when absent");
  credentials->add_option("--duration", asked->duration_s, "seconds, 900 to 3600")
      ->check(CLI::Range(900, 3600))
      ->capture_default_str();
  CertificateAsked& shown = asked->certificate;
  auto* certificate = credentials->add_option(
      "--certificate", shown.certificate,
      "PEM file of a certificate that proves who asks, at a server anywhere (Roles Anywhere)");
  const auto with_certificate = [&](const char* name, std::string& value, const char* text) {
    auto* option = credentials->add_option(name, value, text);
    option->needs(certificate);
    certificate->needs(option);
  };
  with_certificate("--private-key", shown.private_key, "PEM file of its key");
  with_certificate("--endpoint", shown.endpoint, "https://HOST:PORT of the server");
  with_certificate("--trust-anchor", shown.trust_anchor, "ARN of the trust anchor");
  with_certificate("--profile", shown.profile, "ARN of the profile");
  certificate->needs(role);
  credentials
      ->add_option("--intermediates", shown.intermediates,
                   "PEM file of certificates between it and the trust anchor")
      ->needs(certificate);
  credentials
      ->add_option("--ca-bundle", shown.ca_file,
                   "PEM file of the CA of the server (default: those of the system)")
      ->needs(certificate);
  shown.region = "us-east-1";
  credentials->add_option("--region", shown.region, "Region of the server")
      ->needs(certificate)
      ->capture_default_str();
  auto* socket = credentials->add_option(
      "--socket", asked->socket,
      "the socket of a server that gives a role to this user of its machine (sluice serve --user)");
  socket->excludes(role)->excludes(certificate);
  auto* serve = credentials->add_option(
      "--serve", asked->port,
      "serve it on this port of 127.0.0.1 (0: a free one) until SIGTERM, as "
      "AWS_CONTAINER_CREDENTIALS_FULL_URI");
  auto* token = credentials->add_option(
      "--token-file", asked->token_file,
      "where --serve writes the token that its clients must show; only this user can read it");
  serve->needs(token);
  token->needs(serve);
  credentials->callback([asked, serve, &common, &exit_code] {
    exit_code =
        serve->count() ? serve_credentials(common, *asked) : print_credentials(common, *asked);
  });
}

}  // namespace sluice::cli
