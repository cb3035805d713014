// SPDX-License-Identifier: Apache-2.0
#pragma once
// A blocking client for HTTP/1.1 over TLS 1.2 or newer, or plain TCP, with one connection that is
// kept open. It works in an empty root directory: it needs no configuration files, and looks names
// up itself (ingest/resolve.h).
//
//   TRY(Url url, parse_url("https://s3.us-east-1.amazonaws.com"));
//   HttpClient client(std::move(url), ca_file);
//   TRY(const HttpReply reply, client.send("GET / HTTP/1.1\r\n", ""));
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace sluice::ingest {

constexpr int kConnectTimeoutMs = 5000, kIoTimeoutMs = 30000;
// The most that a reply may have when it is not streamed.
constexpr size_t kReplyBytesMax = 20 << 20;

struct Url {
  bool tls = true;
  std::string host;
  uint16_t port = 443;
  std::string authority() const;
};
// "https://host:port"; "host:port" means without TLS.
Result<Url> parse_url(std::string_view text);

struct HttpReply {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string header(std::string_view lower_name) const;
};

class HttpClient {
 public:
  // With `ca_file` "" it looks where Linux systems keep their CAs. With `io_timeout_ms` 0 it waits
  // for ever.
  HttpClient(Url url, std::string ca_file, int io_timeout_ms = kIoTimeoutMs);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  // `head` is the request line and the headers without the blank line at the end; Host and
  // Content-Length are added. With `stream`, the body of a reply with status 200 goes there piece
  // by piece. When the server has closed the connection meanwhile, it is opened again, once.
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
