// SPDX-License-Identifier: Apache-2.0
// Every operation of the table: a request's path, query, headers and body through parse, needs,
// authorise and run, as the operator, on a store with a little in it; nothing is committed. Input:
// "service:Operation", then the target, header lines, an empty line, the body.
#include "base/bytes.h"
#include "cli/server.h"
#include "crypto/crypto.h"
#include "fuzz.h"
#include "request/route.h"
#include "request/serve.h"
#include "request/session.h"
#include "services/iam/iam.h"
#include "services/kms/kms.h"
#include "services/lambda/lambda.h"
#include "services/logs/logs.h"
#include "services/s3/s3.h"

using namespace sluice;
namespace {
class Text : public BodySource {
 public:
  explicit Text(std::string_view text) : text_(text) {}
  Result<size_t> read(char* into, size_t size) override {
    const size_t n = text_.copy(into, size);
    text_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view text_;
};

class World {
 public:
  World()
      : store_(open()),
        sessions_(make_sessions(*store_)),
        identities_(iam::identities()),
        data_keys_(kms::data_keys(*store_)),
        function_policies_(lambda::function_policies()),
        buckets_(s3::buckets()),
        journal_(logs::journal(ports)),
        path_(ports) {
    ports.store = store_.get();
    ports.sessions = sessions_.get();
    ports.identities = identities_.get();
    ports.data_keys = data_keys_.get();
    ports.function_policies = function_policies_.get();
    ports.buckets = buckets_.get();
    ports.journal = journal_.get();
    ports.dispatcher = &path_;
    ports.services = cli::all_services();
    MUST(iam::bootstrap(*store_));
    const auto role = identities_->role("sluice-operator", store_->snapshot());
    caller_ =
        Gate::role_caller(sessions_->mint(role->arn, role->id, "fuzz", 3600), store_->scope());
    make("s3", "CreateBucket", "PUT", "/bucket", "");
    make("s3", "PutObject", "PUT", "/bucket/k", "hello");
    make("dynamodb", "CreateTable", "POST", "/",
         R"({"TableName":"Tab","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"a",)"
         R"("KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"a",)"
         R"("AttributeType":"S"}]})");
    make("dynamodb", "PutItem", "POST", "/",
         R"({"TableName":"Tab","Item":{"a":{"S":"x"},"n":{"N":"1"}}})");
    make("logs", "CreateLogGroup", "POST", "/", R"({"logGroupName":"g"})");
    make("logs", "CreateLogStream", "POST", "/", R"({"logGroupName":"g","logStreamName":"s"})");
  }
  const Caller& caller() const { return *caller_; }
  Ports ports;

 private:
  std::unique_ptr<Store> open() {
    auto store =
        Store::open({scratch_.path() + "/data", scratch_.path() + "/root.key", {}, false, {}});
    MUST(store);
    return *std::move(store);
  }
  void make(const char* service, const char* operation, const char* method, const char* target,
            const char* body) {
    Request request;
    request.method = method;
    request.target = target;
    request.body = body;
    MUST(path_.call(service, operation, std::move(request), *caller_).status < 300);
  }
  fuzz::Scratch scratch_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<Identities> identities_;
  std::unique_ptr<DataKeys> data_keys_;
  std::unique_ptr<FunctionPolicies> function_policies_;
  std::unique_ptr<Buckets> buckets_;
  std::unique_ptr<Journal> journal_;
  Path path_;
  std::optional<Caller> caller_;
};

// The row that is named, or one that the name's hash picks.
std::pair<const Service*, const Row*> pick(const std::vector<const Service*>& services,
                                           std::string_view name) {
  std::vector<std::pair<const Service*, const Row*>> all;
  for (const Service* service : services)
    for (const Row& row : service->rows) {
      if (name == std::string(service->name) + ":" + std::string(row.name)) return {service, &row};
      all.emplace_back(service, &row);
    }
  return all[std::hash<std::string_view>{}(name) % all.size()];
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static World* const world = new World;
  auto rest = fuzz::text(data, size);
  auto head = fuzz::take(rest, "\n\n");
  const auto [service, row] = pick(world->ports.services, fuzz::take(head, "\n"));
  if (row->name == "Invoke") return 0;  // there is no runner
  Request request;
  request.id = "fuzz";
  request.time = now();
  request.source_ip = "127.0.0.1";
  request.tls_version = "TLSv1.3";
  request.method = row->match.method;
  request.target = fuzz::take(head, "\n");
  const size_t mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  if (mark != std::string::npos) request.raw_query = request.target.substr(mark + 1);
  const auto fields = [&](std::string_view text) {
    for (const auto part : split(text, '&')) {
      const size_t equals = part.find('=');
      const auto value = equals == part.npos ? std::optional<std::string>("")
                                             : percent_decode(part.substr(equals + 1), true);
      if (value) request.query.emplace_back(part.substr(0, equals), *value);
    }
  };
  fields(request.raw_query);
  while (!head.empty()) {
    auto line = fuzz::take(head, "\n");
    const auto name = fuzz::take(line, ":");
    request.headers.add(lower(name), std::string(trim(line)));
  }
  request.body = rest;
  const Row* found = row;
  if (service->protocol == Protocol::query) fields(rest);
  if (service->protocol == Protocol::rest_xml || service->protocol == Protocol::rest_json) {
    const auto routed = find_row(request, *service);
    if (!routed || (*routed)->name == "Invoke") return 0;
    found = *routed;
  }
  request.stream = std::make_shared<Text>(rest);
  if (!rest.empty() && !request.headers.find("content-md5"))
    request.headers.add("content-md5", base64(md5(rest)));  // S3 wants it of every document
  Staged staged = world->ports.store->stage();
  AuditFacts facts;
  std::shared_ptr<void> received;
  auto outcome = found->perform(request, world->caller(), world->ports, staged, facts, received);
  if (outcome && received) {  // and again, as after a conflict
    Staged again = world->ports.store->stage();
    outcome = found->perform(request, world->caller(), world->ports, again, facts, received);
  }
  if (outcome)
    MUST(outcome->status < 400);
  else
    MUST(!outcome.error().code.empty() && outcome.error().status >= 300);
  const AuditedCall call{.request = request,
                         .service = *service,
                         .row = found,
                         .caller = &world->caller(),
                         .facts = facts,
                         .error = outcome ? nullptr : &outcome.error(),
                         .response = outcome ? &*outcome : nullptr};
  (void)audit_record(call, world->ports.store->scope());
  return 0;
}
