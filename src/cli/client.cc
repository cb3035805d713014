// SPDX-License-Identifier: Apache-2.0
#include "cli/client.h"

#include <openssl/crypto.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "base/bytes.h"
#include "base/unix_address.h"
#include "base/xml.h"
#include "crypto/crypto.h"

namespace sluice::cli {
namespace {
Error broken(std::string why) { return {500, "ConnectionFailure", std::move(why), {}}; }

std::string canonical_query(std::string_view raw) {
  std::vector<std::string> parts;
  for (const auto part : split(raw, '&'))
    if (!part.empty())
      parts.push_back(part.find('=') == part.npos ? std::string(part) + "=" : std::string(part));
  std::sort(parts.begin(), parts.end());
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : "&") + part;
  return out;
}

class TlsClient : public Client {
 public:
  TlsClient(Common common, Endpoint endpoint)
      : common_(std::move(common)), endpoint_(std::move(endpoint)) {}
  const Endpoint& endpoint() const override { return endpoint_; }

  Result<Reply> send(std::string_view service, std::string_view method, const std::string& target,
                     const Headers& headers, const std::string& body) override {
    Headers sent = headers;
    if (service == "s3" && !body.empty())
      sent.add("content-md5", base64(md5(body)));  // S3 wants it of every document
    TRY(const std::string head,
        signed_head(service, method, target, sent, hex(sha256(body)), body.size()));
    return exchange(head, [&](const auto& write) { return write(body); });
  }

  Result<Reply> put_file(const std::string& target, const std::string& path,
                         const std::function<void(uint64_t)>& progress) override {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) return broken("cannot read " + path);
    const auto size = static_cast<uint64_t>(file.tellg());
    Digest digest(Digest::Algorithm::sha256);
    std::string piece(1 << 18, '\0');
    file.seekg(0);
    while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount())
      digest.update({piece.data(), static_cast<size_t>(file.gcount())});
    TRY(const std::string head, signed_head("s3", "PUT", target, {}, hex(digest.finish()), size));
    return exchange(head, [&](const auto& write) {
      std::ifstream again(path, std::ios::binary);
      uint64_t sent = 0;
      while (again.read(piece.data(), static_cast<std::streamsize>(piece.size())) ||
             again.gcount()) {
        if (!write({piece.data(), static_cast<size_t>(again.gcount())})) return false;
        progress(sent += static_cast<uint64_t>(again.gcount()));
      }
      return sent == size;
    });
  }

 private:
  Result<Done> refresh() {
    const Time soon = now() + 120'000;
    if (!credentials_.access_key_id.empty() &&
        parse_iso(credentials_.expiration).value_or(0) > soon)
      return Done{};
    TRY(credentials_, operator_credentials(common_, 3600));
    return Done{};
  }

  Result<std::string> signed_head(std::string_view service, std::string_view method,
                                  const std::string& target, const Headers& extra,
                                  const std::string& payload_hash, uint64_t body_bytes) {
    CHECK(refresh());
    const std::string date = basic_date(now()), scope = date.substr(0, 8) + "/" + endpoint_.region +
                                                        "/" + std::string(service) +
                                                        "/aws4_request";
    std::vector<std::pair<std::string, std::string>> headers = extra.list;
    headers.emplace_back("host", endpoint_.url.substr(endpoint_.url.find("//") + 2));
    headers.emplace_back("x-amz-date", date);
    headers.emplace_back("x-amz-content-sha256", payload_hash);
    headers.emplace_back("x-amz-security-token", credentials_.session_token);
    std::sort(headers.begin(), headers.end());
    const size_t mark = target.find('?');
    const std::string path = target.substr(0, mark);
    std::string canonical =
        std::string(method) + "\n" + (service == "s3" ? path : percent_encode(path, true)) + "\n" +
        (mark == std::string::npos ? ""
                                   : canonical_query(std::string_view(target).substr(mark + 1))) +
        "\n";
    std::string names, head = std::string(method) + " " + target + " HTTP/1.1\r\n";
    for (const auto& [name, value] : headers) {
      canonical += name + ":" + value + "\n";
      names += (names.empty() ? "" : ";") + name;
      head += name + ": " + value + "\r\n";
    }
    canonical += "\n" + names + "\n" + payload_hash;
    const Secret seed("AWS4" + std::string(credentials_.secret_access_key.expose()));
    const std::string key = hmac_sha256(
        hmac_sha256(hmac_sha256(hmac_sha256(seed.expose(), date.substr(0, 8)), endpoint_.region),
                    service),
        "aws4_request");
    const std::string signature = hex(hmac_sha256(
        key, "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hex(sha256(canonical))));
    head += "authorization: AWS4-HMAC-SHA256 Credential=" + credentials_.access_key_id + "/" +
            scope + ", SignedHeaders=" + names + ", Signature=" + signature + "\r\n";
    return head + "user-agent: sluice-cli\r\ncontent-length: " + std::to_string(body_bytes) +
           "\r\n\r\n";
  }

  template <class Produce>
  Result<Reply> exchange(const std::string& head, const Produce& produce) {
    if (!wire_ || wire_->has_ended()) {
      TRY(wire_, TlsWire::open(endpoint_.url, {endpoint_.certificate_sha256, {}}));
    }
    const auto write = [&](std::string_view data) { return wire_->write(data); };
    const bool sent = write(head) && produce(write);
    auto reply = wire_->receive(head.starts_with("HEAD "));
    if (!reply || !sent || !wire_->keeps()) wire_.reset();
    if (!reply && !sent) return broken("the server stopped reading the request");
    return reply;
  }

  const Common common_;
  const Endpoint endpoint_;
  Credentials credentials_;
  std::unique_ptr<TlsWire> wire_;
};
}  // namespace

namespace {
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// Sends a line to a socket of the server, and gives the object that comes back. Whom it does not
// hear it answers before he has written all.
Result<json::object> ask_socket(const std::string& path, const std::string& line,
                                const std::string& advice) {
  const UnixAddress address(path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, address.get(), UnixAddress::kSize) != 0) {
    const std::string why = strerror(errno);
    close(fd);
    return broken("cannot reach " + path + " (" + why + "): " + advice);
  }
  std::string text;
  char buffer[8192];
  write_all(fd, line);
  for (ssize_t got; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;)
    text.append(buffer, static_cast<size_t>(got));
  close(fd);
  OPENSSL_cleanse(buffer, sizeof buffer);
  TRY(const json::object parsed, parse_json_object(text));
  if (parsed.contains("error")) return broken(text_of(parsed, "error"));
  return parsed;
}
Result<json::object> ask_operator(const Common& common, const std::string& line) {
  TRY(const Endpoint endpoint, read_endpoint(common));
  return ask_socket(common.data_dir + "/operator.sock", line,
                    "run this as the user who runs the server");
}
Credentials credentials_in(const json::object& session) {
  return {text_of(session, "AccessKeyId"), Secret(text_of(session, "SecretAccessKey")),
          text_of(session, "SessionToken"), text_of(session, "Expiration")};
}
}  // namespace

Result<json::object> audit_record(const Common& common, const std::string& id) {
  return ask_operator(common, "explain " + id + "\n");
}

Result<json::object> server_status(const Common& common) {
  return ask_operator(common, "status\n");
}

Result<json::object> issue_device(const Common& common, const std::string& name, int64_t days) {
  if (name.find_first_of(" \t\r\n") != name.npos) return broken("a device's name has no blanks");
  return ask_operator(common, "device " + name + " " + std::to_string(days) + "\n");
}
Result<json::object> revoke_device(const Common& common, const std::string& serial) {
  return ask_operator(common, "revoke " + serial + "\n");
}

Result<int64_t> register_oidc_keys(const Common& common, const std::string& issuer,
                                   const json::value& jwks) {
  if (issuer.find_first_of(" \t\r\n") != issuer.npos) return broken("an issuer has no blanks");
  TRY(const json::object parsed,
      ask_operator(common, "oidc-keys " + issuer + " " + json::serialize(jwks) + "\n"));
  return int_of(parsed, "keys");
}

Result<Credentials> operator_credentials(const Common& common, int64_t duration_s) {
  TRY(const json::object parsed, ask_operator(common, std::to_string(duration_s) + "\n"));
  return credentials_in(parsed);
}
Result<Credentials> user_credentials(const std::string& socket, int64_t duration_s) {
  TRY(const json::object parsed,
      ask_socket(socket, std::to_string(duration_s) + "\n",
                 "the server's owner lets you in with sluice serve --user"));
  return credentials_in(parsed);
}

Result<std::unique_ptr<Client>> Client::connect(const Common& common) {
  TRY(Endpoint endpoint, read_endpoint(common));
  return std::unique_ptr<Client>(std::make_unique<TlsClient>(common, std::move(endpoint)));
}

Error error_of(const Reply& reply) {
  if (auto parsed = parse_json_object(reply.body); parsed && !reply.body.empty()) {
    std::string code = text_of(*parsed, "__type");
    if (code.empty()) code = reply.headers.get("x-amzn-errortype");
    code = code.substr(code.find('#') == std::string::npos ? 0 : code.find('#') + 1);
    const std::string message = text_of(*parsed, "message");
    return {reply.status,
            code,
            code + ": " + (message.empty() ? text_of(*parsed, "Message") : message),
            {}};
  }
  pugi::xml_document document;
  document.load_string(reply.body.c_str());
  const pugi::xml_node node = document.child("Error")
                                  ? document.child("Error")
                                  : document.child("ErrorResponse").child("Error");
  const std::string code = node.child_value("Code");
  return {reply.status,
          code,
          code.empty() ? "HTTP status " + std::to_string(reply.status)
                       : code + ": " + node.child_value("Message"),
          {}};
}

Result<json::object> Client::call_json(std::string_view service, std::string_view target,
                                       std::string_view version, const json::object& input) {
  Headers headers;
  headers.add("content-type", "application/x-amz-json-" + std::string(version));
  headers.add("x-amz-target", std::string(target));
  TRY(const Reply reply, send(service, "POST", "/", headers, json::serialize(input)));
  if (reply.status >= 300) return error_of(reply);
  return parse_json_object(reply.body);
}

Result<std::string> Client::call_query(
    std::string_view service, const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string body;
  for (const auto& [name, value] : fields)
    body += (body.empty() ? "" : "&") + percent_encode(name) + "=" + percent_encode(value);
  Headers headers;
  headers.add("content-type", "application/x-www-form-urlencoded; charset=utf-8");
  TRY(Reply reply, send(service, "POST", "/", headers, body));
  if (reply.status >= 300) return error_of(reply);
  return std::move(reply.body);
}

}  // namespace sluice::cli
