// SPDX-License-Identifier: Apache-2.0
#pragma once
// A blocking HTTP/1.1 client over TLS 1.2+ or plain TCP, one connection, kept alive. Works in an
// empty root directory: no configuration files, names resolved by a small DNS client (RFC 1035)
// when the host is not an address.
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sluice::ingest {

constexpr int kConnectTimeoutMs = 5000, kIoTimeoutMs = 30000;
constexpr size_t kReplyBytesMax = 20 << 20;  // of a reply that is not streamed

struct Url {
  bool tls = true;
  std::string host;
  uint16_t port = 443;
  std::string authority() const;
};
Result<Url> parse_url(std::string_view text);  // "https://host:port", "host:port" is plain

struct HttpReply {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string header(std::string_view lower_name) const;
};

class HttpClient {
 public:
  // `ca_file` "": the places where Linux systems keep theirs. `io_timeout_ms` 0: waits for ever.
  HttpClient(Url url, std::string ca_file, int io_timeout_ms = kIoTimeoutMs);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  // `head`: request line and headers without the last blank line; Host and Content-Length are
  // added. With `stream`, the body of a reply of status 200 goes there piece by piece. A kept
  // connection that the server has closed is opened again, once.
  Result<HttpReply> send(const std::string& head, std::string_view body,
                         const std::function<Result<Done>(std::string_view)>* stream = nullptr);
  const Url& url() const { return url_; }

 private:
  struct Wire;
  Result<Done> open();
  Result<HttpReply> exchange(const std::string& request, std::string_view body,
                             const std::function<Result<Done>(std::string_view)>* stream,
                             bool& began);
  Url url_;
  std::string ca_file_;
  int io_timeout_ms_;
  std::unique_ptr<Wire> wire_;
};

}  // namespace sluice::ingest
