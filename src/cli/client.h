// SPDX-License-Identifier: Apache-2.0
#pragma once
// The command line's own AWS client: the operator's session from the Unix socket, then signed
// requests over TLS to the running server, like any other caller. There is no second way in.
#include <memory>

#include "base/secret.h"
#include "cli/options.h"
#include "request/message.h"

namespace sluice::cli {

struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  std::string session_token, expiration;
};
// The operator's session (900 to 3600 s). Error: no server, or the socket belongs to another user.
Result<Credentials> operator_credentials(const Common& common, int64_t duration_s);
// What the server counts (cli/server_status.h). The same errors.
Result<json::object> server_status(const Common& common);

struct Reply {
  int status = 0;
  Headers headers;
  std::string body;
};
class Client {
 public:
  static Result<std::unique_ptr<Client>> connect(const Common& common);
  virtual ~Client() = default;
  // Signs and sends. `service`: signing name; target: path and query as on the wire. One file as
  // body when `file` is set.
  virtual Result<Reply> send(std::string_view service, std::string_view method,
                             const std::string& target, const Headers& headers,
                             const std::string& body) = 0;
  virtual Result<Reply> put_file(const std::string& target, const std::string& file,
                                 const std::function<void(uint64_t sent)>& progress) = 0;
  // JSON protocols; Error carries AWS's code and message.
  Result<json::object> call_json(std::string_view service, std::string_view target,
                                 std::string_view version, const json::object& input);
  // Query protocols: the response's text.
  Result<std::string> call_query(std::string_view service,
                                 const std::vector<std::pair<std::string, std::string>>& fields);
  virtual const Endpoint& endpoint() const = 0;
};
// AWS's error out of a reply of status 300 and above, whatever its protocol.
Error error_of(const Reply& reply);

}  // namespace sluice::cli
