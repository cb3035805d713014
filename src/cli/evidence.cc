// SPDX-License-Identifier: Apache-2.0
#include "cli/evidence.h"

#include "base/bytes.h"
#include "services/cloudtrail/cloudtrail.h"
#include "services/s3/s3.h"

namespace sluice::cli {
namespace {
class OverTheWire : public Evidence {
 public:
  explicit OverTheWire(Client& client) : client_(client) {}
  Result<Reply> get(const std::string& bucket, const std::string& key,
                    const std::vector<std::pair<std::string, std::string>>& query) override {
    std::string target = "/" + bucket + (key.empty() ? "" : "/" + percent_encode(key, true));
    for (const auto& [name, value] : query)
      target += (target.find('?') == std::string::npos ? "?" : "&") + percent_encode(name) + "=" +
                percent_encode(value);
    TRY(Reply reply, client_.send("s3", "GET", target, {}, ""));
    if (reply.status >= 300) return error_of(reply);
    return reply;
  }
  Result<json::object> ask(std::string_view operation, const json::object& input) override {
    return client_.call_json(
        "cloudtrail",
        "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101." + std::string(operation), "1.1",
        input);
  }

 private:
  Client& client_;
};

class FromDirectory : public Evidence {
 public:
  FromDirectory(const Ports& ports, Caller caller) : ports_(ports), caller_(std::move(caller)) {}
  Result<Reply> get(const std::string& bucket, const std::string& key,
                    const std::vector<std::pair<std::string, std::string>>& query) override {
    Request request;
    request.params = {{"Bucket", bucket}};
    if (!key.empty()) request.params.emplace_back("Key", key);
    request.query = query;
    TRY(Response answer,
        perform(s3::service, key.empty() ? "ListObjectsV2" : "GetObject", std::move(request)));
    Reply reply{answer.status, std::move(answer.headers), std::move(answer.body)};
    while (answer.stream) {
      TRY(const std::string piece, answer.stream->next());
      if (piece.empty()) break;
      reply.body += piece;
    }
    return reply;
  }
  Result<json::object> ask(std::string_view operation, const json::object& input) override {
    Request request;
    request.body = json::serialize(input);
    TRY(const Response answer, perform(cloudtrail::service, operation, std::move(request)));
    return parse_json_object(answer.body);
  }
  Store* store() override { return ports_.store; }

 private:
  Result<Response> perform(const Service& service, std::string_view operation, Request request) {
    request.id = "verify";
    request.method = "GET";
    request.time = now();
    request.source_ip = "127.0.0.1";
    request.tls_version = "TLSv1.3";
    for (const Row& row : service.rows) {
      if (row.name != operation) continue;
      Staged staged = ports_.store->stage();
      AuditFacts facts;
      std::shared_ptr<void> received;
      return row.perform(request, caller_, ports_, staged, facts, received);
    }
    return Error{500, "InternalFailure", "no such operation: " + std::string(operation), {}};
  }
  const Ports& ports_;
  const Caller caller_;
};
}  // namespace

std::unique_ptr<Evidence> evidence_of(Client& client) {
  return std::make_unique<OverTheWire>(client);
}
std::unique_ptr<Evidence> evidence_of(const Ports& ports) {
  const auto role = ports.identities->role(kOperatorRole, ports.store->snapshot());
  const Session session =
      ports.sessions->mint(role ? role->arn : "", role ? role->id : "", "verify", 3600);
  return std::make_unique<FromDirectory>(ports, Gate::role_caller(session, ports.store->scope()));
}

}  // namespace sluice::cli
