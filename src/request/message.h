// SPDX-License-Identifier: Apache-2.0
#pragma once
// A request as the server sees it, and its answer. Names of headers are in lower case, and their
// values are trimmed.
//
//   const std::string* hash = request.headers.find("x-amz-content-sha256");   // nullptr: absent
//   Response answer{200, {}, "{}", nullptr, 0};
//   answer.headers.add("content-type", "application/json");
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

struct Headers {
  std::vector<std::pair<std::string, std::string>> list;
  const std::string* find(std::string_view lower_name) const;  // the first; nullptr when absent
  std::string get(std::string_view lower_name) const;          // "" when absent
  void add(std::string name, std::string value) {
    list.emplace_back(std::move(name), std::move(value));
  }
};

// A body that is read piece by piece. read() may block until the connection's deadline.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual Result<size_t> read(char* into, size_t size) = 0;  // 0 = the end
  // The headers that came after the body; nullptr when there are none, and before the end.
  virtual const Headers* trailers() const { return nullptr; }
  // Called when the request has proven to be of `session` (an access key id): from now on its
  // connection is no stranger's. False: that session holds as many connections as it may.
  virtual bool prove(const std::string& /*session*/) { return true; }
};
// A response body that is made while it is sent.
class BodyProducer {
 public:
  virtual ~BodyProducer() = default;
  virtual Result<std::string> next() = 0;  // "" = the end
};

struct FormUpload;           // request/form.h
struct CertificateIdentity;  // request/ports.h
struct WebIdentity;          // request/ports.h

struct Request {
  std::string id;              // x-amzn-RequestId: a UUID, for S3 16 upper-case characters
  std::string method, target;  // target as it was sent
  // The path is still percent-encoded. The bucket of a virtual-host request of S3 is put into it by
  // to_path_style.
  std::string path, raw_query;
  Headers headers;
  // Decoded, in order. In the query protocol the fields of the form follow.
  std::vector<std::pair<std::string, std::string>> query;
  // The path parameters of the row's Match, decoded.
  std::vector<std::pair<std::string, std::string>> params;
  std::string body;  // the whole body, unless the row streams
  // For rows that stream: the payload, taken out of aws-chunked and verified while it is read.
  std::shared_ptr<BodySource> stream;
  // For uploads from an HTML form: its fields are the request.
  std::shared_ptr<FormUpload> form;
  // The token of the session whose key signed this, once that is proven; else "". It must be taken
  // from nowhere else: a header, a query and a form can each hold another session's.
  std::string session_token;
  // For who has proven himself by a token of an identity provider.
  std::shared_ptr<const WebIdentity> web_identity;
  // For who has proven himself by a certificate.
  std::shared_ptr<const CertificateIdentity> certificate;
  std::string source_ip, tls_version, tls_cipher;  // tls_version is "" for plain HTTP
  Time time = 0;                                   // when it was received
  int64_t unix_uid = -1;                           // who is at a Unix socket; else -1
  std::string local_role;                          // whose session he gets, if he is not the owner

  const std::string* query_value(std::string_view name) const;  // nullptr when absent
  std::string query_text(std::string_view name) const;          // "" when absent
  std::string param(std::string_view name) const;
};

// The hash of the payload as an S3 request's signature names it: in its header or its query. A
// presigned URL and a form sign none.
std::string payload_hash_of(const Request& request);

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  std::shared_ptr<BodyProducer> stream;  // used in place of `body` when it is set
  uint64_t stream_bytes = 0;             // the length of all that `stream` makes
};

}  // namespace sluice
