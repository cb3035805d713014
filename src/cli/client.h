// SPDX-License-Identifier: Apache-2.0
#pragma once
// The AWS client of the command line. It gets the operator's session from the Unix socket, and
// sends signed requests over TLS to the running server, like any other client. There is no second
// way in.
//
//   TRY(const auto client, Client::connect(common));
//   TRY(const json::object answer,
//       client->call_json("dynamodb", "DynamoDB_20120810.ListTables", "1.0", {}));
#include <memory>

#include "base/secret.h"
#include "cli/options.h"
#include "cli/tls_wire.h"
#include "request/message.h"

namespace sluice::cli {

struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  std::string session_token, expiration;
};
// A session of the operator (900 to 3600 s). It fails when no server runs, or when the socket
// belongs to another user.
Result<Credentials> operator_credentials(const Common& common, int64_t duration_s);
// A session of the role that the server's owner has given to this user of the machine, asked for at
// the socket of `sluice serve --user`.
Result<Credentials> user_credentials(const std::string& socket, int64_t duration_s);
// The audit record with this eventID or requestID. It fails for the same reasons, and when there is
// none.
Result<json::object> audit_record(const Common& common, const std::string& id);
// What the server counts (cli/server_status.h). It fails for the same reasons.
Result<json::object> server_status(const Common& common);
// A certificate of the server's authority for devices: authority, certificate, key, serial. The
// revocation list with one certificate more: list.
Result<json::object> issue_device(const Common& common, const std::string& name, int64_t days);
Result<json::object> revoke_device(const Common& common, const std::string& serial);
// Registers the keys of an identity provider, of a JWKS. Gives how many there are.
Result<int64_t> register_oidc_keys(const Common& common, const std::string& issuer,
                                   const json::value& jwks);

class Client {
 public:
  static Result<std::unique_ptr<Client>> connect(const Common& common);
  virtual ~Client() = default;
  // Signs a request and sends it. `service` is a signing name; `target` is path and query,
  // percent-encoded.
  virtual Result<Reply> send(std::string_view service, std::string_view method,
                             const std::string& target, const Headers& headers,
                             const std::string& body) = 0;
  // Sends a file as the body of a PUT to S3.
  virtual Result<Reply> put_file(const std::string& target, const std::string& file,
                                 const std::function<void(uint64_t sent)>& progress) = 0;
  // For JSON protocols. The error has AWS's code and message.
  Result<json::object> call_json(std::string_view service, std::string_view target,
                                 std::string_view version, const json::object& input);
  // For query protocols: the text of the response.
  Result<std::string> call_query(std::string_view service,
                                 const std::vector<std::pair<std::string, std::string>>& fields);
  virtual const Endpoint& endpoint() const = 0;
};
// The error of AWS that a reply with a status of 300 or more has, in any protocol.
Error error_of(const Reply& reply);

}  // namespace sluice::cli
