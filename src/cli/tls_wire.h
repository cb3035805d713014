// SPDX-License-Identifier: Apache-2.0
#pragma once
// A TLS connection of the command line to a server, and the answers that come over it.
//
//   TRY(auto wire, TlsWire::open(url, {.certificate_sha256 = {}, .ca_file = "ca.pem"}));
//   if (wire->write(head) && wire->write(body)) return wire->receive(false);
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "request/message.h"

struct ssl_st;
struct ssl_ctx_st;

namespace sluice::cli {

struct Reply {
  int status = 0;
  Headers headers;
  std::string body;
};

// Whom a client takes for its server: who shows this one certificate, or who has one for the name
// in the URL from a CA of the file, or, without a file, of the system.
struct Trust {
  std::string certificate_sha256, ca_file;
};

class TlsWire {
 public:
  // `url` is https://host[:port].
  static Result<std::unique_ptr<TlsWire>> open(const std::string& url, const Trust& trust);
  ~TlsWire();
  bool write(std::string_view data);
  // `no_body`: the answer to a HEAD. After an error, or when it no longer keeps(), it is of no use.
  Result<Reply> receive(bool no_body);
  bool keeps() const { return keeps_; }
  // Between two requests: the server has closed it, as it does with those that say nothing for
  // long.
  bool has_ended() const;

 private:
  TlsWire() = default;
  ssl_ctx_st* context_ = nullptr;
  ssl_st* ssl_ = nullptr;
  int fd_ = -1;
  bool keeps_ = true;
};

}  // namespace sluice::cli
