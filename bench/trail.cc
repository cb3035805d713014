// SPDX-License-Identifier: Apache-2.0
// The trail: how fast records get into log files, what a trail costs ingestion, what an audit
// record costs a GET and a PUT.
#include <atomic>
#include <chrono>
#include <thread>

#include "base/bytes.h"
#include "base/random.h"
#include "bench.h"
#include "crypto/crypto.h"
#include "request/audit.h"
#include "services/s3/s3.h"
#include "store/store.h"

namespace sluice::bench {
namespace {
constexpr const char* kBucket = "bench-trail";

Result<json::object> ask(cli::Client& client, const std::string& operation,
                         const json::object& input) {
  return client.call_json("cloudtrail",
                          "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101." + operation,
                          "1.1", input);
}
Result<Done> configure(cli::Client& client, const std::string& method, const std::string& flag,
                       const std::string& body) {
  TRY(const cli::Reply reply,
      client.send("s3", method, std::string("/") + kBucket + flag, {}, body));
  if (reply.status >= 300) return cli::error_of(reply);
  return Done{};
}

// A backlog of a load's records, held back by a bucket policy that is taken away, then delivered at
// once.
Result<Done> deliver_backlog(const Options& options, Report& report, cli::Client& client,
                             const Target& target, const Signer& signer) {
  const std::string policy =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)"
      R"("Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":["s3:GetBucketAcl",)"
      R"("s3:PutObject"],"Resource":["arn:aws:s3:::bench-trail","arn:aws:s3:::bench-trail/*"]}]})";
  CHECK(configure(client, "PUT", "", ""));
  CHECK(configure(client, "PUT", "?policy", policy));
  TRY(const json::object made,
      ask(client, "CreateTrail",
          {{"Name", kBucket}, {"S3BucketName", kBucket}, {"EnableLogFileValidation", true}}));
  const json::object data{{"Type", "AWS::S3::Object"},
                          {"Values", json::array{"arn:aws:s3:::bench/"}}};
  TRY(const json::object chosen,
      ask(client, "PutEventSelectors",
          {{"TrailName", kBucket},
           {"EventSelectors", json::array{json::object{{"DataResources", json::array{data}}}}}}));
  TRY(const json::object started, ask(client, "StartLogging", {{"Name", kBucket}}));
  CHECK(configure(client, "DELETE", "?policy", ""));
  const std::string body = random_bytes(kKiB), hash = hex(sha256(body));
  const Load load = run_load(target, kConnections, options.seconds, [&](size_t n) {
    return Message{signer.head("PUT", "/bench/trail/" + std::to_string(n), {}, hash, body.size()),
                   &body};
  });
  CHECK(configure(client, "PUT", "?policy", policy));
  const int64_t began = monotonic_us();
  TRY(const json::object stopped, ask(client, "StopLogging", {{"Name", kBucket}}));
  for (;;) {  // the closing digest speaks for everything before it
    TRY(const json::object status, ask(client, "GetTrailStatus", {{"Name", kBucket}}));
    if (status.contains("LatestDigestDeliveryTime")) break;
    if (monotonic_us() - began > 120'000'000)
      return Error{
          500,
          "TooLate",
          "the trail did not deliver in two minutes: " + text_of(status, "LatestDeliveryError"),
          {}};
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const double seconds = static_cast<double>(monotonic_us() - began) / 1e6;
  report.add({"trail delivery", static_cast<double>(load.answers) / seconds, "records/s",
              std::to_string(load.answers) + " records into signed log files in " +
                  std::to_string(static_cast<int>(seconds * 1000)) + " ms"});
  return Done{};
}

// Commits by as many threads as there are connections: processor microseconds of one, as the server
// would spend them.
double commit_cost_us(Store& store, double seconds, bool writes, bool audits,
                      const std::function<std::string()>& record) {
  std::atomic<uint64_t> commits{0};
  const double cpu = own_cpu();
  const int64_t end = monotonic_us() + static_cast<int64_t>(seconds * 1e6);
  const std::string version = random_bytes(1600);  // an object of 1 KiB with its facts
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kConnections; ++t)
    threads.emplace_back([&, t] {
      for (uint64_t n = 0; monotonic_us() < end; ++n) {
        Staged staged = store.stage();
        const std::string name = std::to_string(t) + "/" + std::to_string(n);
        if (writes) {
          staged.put(schema::key(Family::objects, "bench.version", {name}), version);
          staged.put(schema::key(Family::objects, "bench.current", {name}), "1");
        }
        std::vector<std::string> records;
        if (audits) records.push_back(record());
        if (store.commit(std::move(staged), std::move(records))) ++commits;
      }
    });
  for (std::thread& one : threads) one.join();
  return commits ? (own_cpu() - cpu) * 1e6 / static_cast<double>(commits) : 0;
}

Result<Done> cost_of_audit(const Options& options, Report& report) {
  StoreOptions where;
  where.data_dir = options.dir + "/audit";
  where.root_key = options.dir + "/audit.key";
  where.scope = {"000000000000", "us-east-1"};
  TRY(const auto store, Store::open(where));
  const Caller caller = Gate::service_caller("lambda.amazonaws.com", where.scope);
  Request request;
  request.id = "0123456789ABCDEF";
  request.method = "GET";
  request.time = now();
  request.source_ip = "127.0.0.1";
  request.tls_version = "TLSv1.3";
  request.tls_cipher = "TLS_AES_256_GCM_SHA384";
  for (const auto& [name, value] :
       {std::pair("host", "127.0.0.1:4566"),
        std::pair("user-agent",
                  "Boto3/1.26.27 md/Botocore#1.29.27 ua/2.0 os/linux#6.1 lang/python#3.11"),
        std::pair("content-length", "1024")})
    request.headers.add(name, value);
  AuditFacts facts;
  facts.request_parameters = json::object{{"bucketName", "bench"}, {"key", "folder/readings.json"}};
  facts.resources = {{"AWS::S3::Object", "arn:aws:s3:::bench/folder/readings.json"}};
  const Row* row = nullptr;
  for (const Row& one : s3::service.rows)
    if (one.name == "GetObject") row = &one;
  const Response answer;
  const AuditedCall call{.request = request,
                         .service = s3::service,
                         .row = row,
                         .caller = &caller,
                         .facts = facts,
                         .error = nullptr,
                         .response = &answer};
  const auto record = [&] { return audit_record(call, where.scope); };
  const double seconds = std::min(options.seconds, 2.0),
               get = commit_cost_us(*store, seconds, false, true, record);
  const double put = commit_cost_us(*store, seconds, true, true, record) -
                     commit_cost_us(*store, seconds, true, false, record);
  report.add({"audit of a GET", get, "us",
              "processor time: record, chain, commit of its own shared by 32"});
  report.add(
      {"audit of a PUT", put, "us", "processor time: the record in a commit that is made anyway"});
  return Done{};
}
}  // namespace

void measure_trail(const Options& options, Report& report, cli::Client& client,
                   const Target& target, const Signer& signer) {
  if (auto done = deliver_backlog(options, report, client, target, signer); !done)
    report.missing("trail delivery", done.error().message);
  if (auto done = cost_of_audit(options, report); !done)
    report.missing("audit of a GET", done.error().message);
}

}  // namespace sluice::bench
