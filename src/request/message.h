// SPDX-License-Identifier: Apache-2.0
#pragma once
// A request as the path sees it and its answer. Header names are lower case; values trimmed.
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
  const std::string* find(std::string_view lower_name) const;  // first; nullptr
  std::string get(std::string_view lower_name) const;          // "" when absent
  void add(std::string name, std::string value) {
    list.emplace_back(std::move(name), std::move(value));
  }
};

// A body that is read piece by piece. Blocks up to the connection's deadline.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual Result<size_t> read(char* into, size_t size) = 0;  // 0 = the end
  virtual const Headers* trailers() const {
    return nullptr;
  }  // after the end: the trailing headers, if any
  // Its request comes from `session` (an access key id): its connection is no stranger's from now
  // on. False: that session holds as many connections as it may.
  virtual bool prove(const std::string& /*session*/) { return true; }
};
// A response body made while it is sent: `bytes` in total.
class BodyProducer {
 public:
  virtual ~BodyProducer() = default;
  virtual Result<std::string> next() = 0;  // "" = the end
};

struct FormUpload;  // request/form.h

struct Request {
  std::string id;              // x-amzn-RequestId (uuid; S3: 16 upper-case)
  std::string method, target;  // target as sent
  std::string path,
      raw_query;  // path still percent-encoded; S3 virtual hosts already made path style by route
  Headers headers;
  std::vector<std::pair<std::string, std::string>>
      query;  // decoded, in order; for query-protocol the form's fields are appended
  std::vector<std::pair<std::string, std::string>>
      params;        // decoded path parameters of the row's Match
  std::string body;  // whole, unless the row streams
  std::shared_ptr<BodySource>
      stream;  // set for rows that stream (decoded from aws-chunked and verified)
  std::shared_ptr<FormUpload>
      form;  // set for uploads from an HTML form: its fields are the request
  std::string source_ip, tls_version, tls_cipher;  // tls_version "" = plain HTTP
  Time time = 0;                                   // when received
  int64_t unix_uid = -1;                           // peer of the operator socket, else -1

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
  std::shared_ptr<BodyProducer> stream;  // instead of body
  uint64_t stream_bytes = 0;             // its Content-Length
};

}  // namespace sluice
