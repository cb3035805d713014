// SPDX-License-Identifier: Apache-2.0
// The product: objects and items through the real server, then what it costs to start and to sit
// idle.
#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/bytes.h"
#include "base/random.h"
#include "bench.h"
#include "crypto/crypto.h"

namespace sluice::bench {

std::string batch_body(size_t number, const std::string& table) {
  std::string body = R"({"RequestItems":{")" + table + R"(":[)";
  for (size_t i = 0; i < kBatch; ++i) {
    const std::string at = std::to_string(1000000000 + number);
    body += (i ? "," : "") + (R"({"PutRequest":{"Item":{"device_id":{"S":"device-)" +
                              std::to_string(i) + R"("},"timestamp":{"S":"2026-01-02T03:04:05.)" +
                              at + R"(Z"},"value":{"N":"69.88083514"}}}})");
  }
  return body + "]}}";
}

namespace {
struct Session {
  cli::Common common;
  cli::Endpoint endpoint;
  cli::Credentials credentials;
};

Result<Session> session_of(const std::string& data_dir) {
  Session s;
  s.common.data_dir = data_dir;
  TRY(s.endpoint, cli::read_endpoint(s.common));
  TRY(s.credentials, cli::operator_credentials(s.common, 3600));
  return s;
}

void measure_objects(const Options& options, Report& report, const Session& s) {
  const Target target = target_of(s.endpoint);
  const Signer signer(s.credentials, s.endpoint, "s3");
  constexpr size_t kRead = 32;  // objects that are read again and again
  struct Size {
    const char* name;
    size_t bytes;
  };
  for (const Size& size :
       {Size{"1 KiB", kKiB}, Size{"64 KiB", 64 * kKiB}, Size{"8 MiB", 8 * kMiB}}) {
    const std::string body = random_bytes(size.bytes), hash = hex(sha256(body)),
                      nothing = hex(sha256(""));
    const std::string folder = "/bench/" + std::to_string(size.bytes) + "/";
    const auto put_next = [&](size_t n) {
      return Message{signer.head("PUT", folder + std::to_string(n), {}, hash, body.size()), &body};
    };
    const auto get_next = [&](size_t n) {
      return Message{signer.head("GET", folder + std::to_string(n % kRead), {}, nothing, 0)};
    };
    run_load(target, 1, 3600, put_next, kRead);  // however few the load itself comes to
    const Load put = run_load(target, kConnections, options.seconds, put_next);
    const Load get = run_load(target, kConnections, options.seconds, get_next);
    if (size.bytes == kKiB) {
      report.add({"PUT 1 KiB", put.rate(), "/s", put.split(),
                  report.value("bare TLS echo, PUT 1 KiB"), 0.4, false, "bare TLS echo"});
      report.add({"GET 1 KiB", get.rate(), "/s", get.split(),
                  report.value("bare TLS echo, GET 1 KiB"), 0.6, false, "bare TLS echo"});
    } else {
      const double mib = static_cast<double>(size.bytes) / kMiB,
                   limit = report.value("TLS and AES-GCM, GET 8 MiB");
      report.add({std::string("PUT ") + size.name, put.rate() * mib, "MiB/s", put.split(), limit,
                  size.bytes == 8 * kMiB ? 0.7 : 0.35, false, "TLS and AES-GCM"});
      report.add({std::string("GET ") + size.name, get.rate() * mib, "MiB/s", get.split(), limit,
                  0.4, false, "TLS and AES-GCM"});
    }
  }
}

// Uploads at once, which the disk must have room for: what they cost the server's memory at most.
void measure_uploads(const Options& options, Report& report, const Session& s) {
  const Target target = target_of(s.endpoint);
  const Signer signer(s.credentials, s.endpoint, "s3");
  const std::string body(static_cast<size_t>(options.upload_mib) * kMiB, 'x'),
      hash = hex(sha256(body));
  forget_peak(target.pid);
  const Load load = run_load(
      target, kUploads, 3600,
      [&](size_t n) {
        return Message{
            signer.head("PUT", "/bench/large/" + std::to_string(n), {}, hash, body.size()), &body};
      },
      kUploads);
  report.add({"uploads of " + std::to_string(options.upload_mib) + " MiB, " +
                  std::to_string(kUploads) + " at once",
              static_cast<double>(peak_kb(target.pid)) / 1024, "MiB RSS at most",
              std::to_string(static_cast<int64_t>(static_cast<double>(load.answers) *
                                                  static_cast<double>(options.upload_mib) /
                                                  load.seconds)) +
                  " MiB/s; " + load.split()});
}

void measure_items(const Options& options, Report& report, const Session& s, size_t& number) {
  const Target target = target_of(s.endpoint);
  const Signer signer(s.credentials, s.endpoint, "dynamodb");
  const auto next = [&](size_t) {
    return dynamodb_call(signer, "BatchWriteItem", batch_body(number++));
  };
  const Load load = run_load(target, kWriters, options.seconds, next);
  report.add({"BatchWriteItem", load.rate() * kBatch, "items/s", load.split(),
              report.value("bare RocksDB"), 0.6, false, "bare RocksDB"});
  const auto missing = options.items - static_cast<int64_t>(number * kBatch);
  if (missing > 0)
    run_load(target, kWriters, 3600, next, static_cast<uint64_t>(missing) / kBatch + 1);
}

// The same writes where each item has entries in two indexes, and where each is in a stream.
void measure_what_follows(const Options& options, Report& report, const Session& s) {
  const Target target = target_of(s.endpoint);
  const Signer signer(s.credentials, s.endpoint, "dynamodb");
  for (const auto& [table, row] : {std::pair("BenchIndexed", "BatchWriteItem, two indexes"),
                                   std::pair("BenchStreamed", "BatchWriteItem, with a stream")}) {
    const Load load = run_load(target, kWriters, options.seconds, [&](size_t n) {
      return dynamodb_call(signer, "BatchWriteItem", batch_body(n, table));
    });
    report.add({row, load.rate() * kBatch, "items/s", load.split()});
  }
}

std::string bench_key(const std::string& device, size_t n) {
  return R"({"device_id":{"S":")" + device + R"("},"timestamp":{"S":")" + std::to_string(n) +
         R"("}})";
}
// Conditional writers, who read what they replace, and counters: of an item each, and all of one.
// Then what reads, and what writes ten items at once.
void measure_calls(const Options& options, Report& report, const Session& s) {
  const Target target = target_of(s.endpoint);
  const Signer signer(s.credentials, s.endpoint, "dynamodb");
  std::string split;
  const auto rate_of = [&](const std::string& operation,
                           const std::function<std::string(size_t)>& body_of) {
    const Load load = run_load(target, kWriters, options.seconds, [&](size_t n) {
      return dynamodb_call(signer, operation, R"({"TableName":"Bench",)" + body_of(n) + "}");
    });
    split = load.split();
    return load.rate();
  };
  const auto put = [](size_t n) {
    std::string item = bench_key("hot", n);
    item.back() = ',';
    return R"("Item":)" + item +
           R"raw("value":{"N":"1"}},"ConditionExpression":"attribute_not_exists(never)")raw";
  };
  const auto count = [](size_t n) {
    return R"("Key":)" + bench_key("counter", n) +
           R"(,"UpdateExpression":"ADD n :one",)"
           R"("ExpressionAttributeValues":{":one":{"N":"1"}})";
  };
  for (const auto& [operation, body] :
       {std::pair<std::string, std::function<std::string(size_t)>>("PutItem", put),
        {"UpdateItem", count}}) {
    const std::string row = operation + (operation == "PutItem" ? ", conditional" : ", counter");
    const double distinct = rate_of(operation, body);
    report.add({row, distinct, "/s", split});
    const double hot = rate_of(operation, [&](size_t) { return body(0); });
    report.add({row + ", one key", hot, "/s", split, distinct, 0.5, false, row});
  }
  const double gets =
      rate_of("GetItem", [](size_t n) { return R"("Key":)" + bench_key("hot", n % 1000); });
  report.add({"GetItem", gets, "/s", split});
  const double queries = rate_of("Query", [](size_t) {
    return std::string(R"("KeyConditionExpression":"device_id = :d","Limit":100,)"
                       R"("ExpressionAttributeValues":{":d":{"S":"hot"}})");
  });
  report.add({"Query of 100", queries, "/s", split});
  constexpr double kPageMiB = 1;  // where a page ends
  const double pages = rate_of("Scan", [](size_t) { return std::string(R"("Select":"COUNT")"); });
  report.add({"Scan", pages * kPageMiB, "MB/s", split});
  const double transactions = rate_of("TransactWriteItems", [](size_t n) {
    std::string items;
    for (size_t i = 0; i < 10; ++i)
      items += (i ? "," : "") + std::string(R"({"Put":{"TableName":"Bench","Item":)") +
               bench_key("transaction", n * 10 + i) + "}}";
    return R"("TransactItems":[)" + items + "]";
  });
  report.add({"TransactWriteItems of 10", transactions, "/s", split});
}

json::object table_of(const char* name) {
  const auto key = [](const char* attribute, const char* type) {
    return json::object{{"AttributeName", attribute}, {"KeyType", type}};
  };
  const auto text = [](const char* attribute) {
    return json::object{{"AttributeName", attribute}, {"AttributeType", "S"}};
  };
  return {{"TableName", name},
          {"BillingMode", "PAY_PER_REQUEST"},
          {"KeySchema", json::array{key("device_id", "HASH"), key("timestamp", "RANGE")}},
          {"AttributeDefinitions", json::array{text("device_id"), text("timestamp")}}};
}
json::object index_of(const char* name, const char* hash, const char* range) {
  return {{"IndexName", name},
          {"KeySchema", json::array{json::object{{"AttributeName", hash}, {"KeyType", "HASH"}},
                                    json::object{{"AttributeName", range}, {"KeyType", "RANGE"}}}},
          {"Projection", json::object{{"ProjectionType", "ALL"}}}};
}
Result<Done> set_up(cli::Client& client) {
  TRY(const cli::Reply made, client.send("s3", "PUT", "/bench", {}, ""));
  if (made.status >= 300) return cli::error_of(made);
  json::object plain = table_of("Bench"), indexed = table_of("BenchIndexed"),
               streamed = table_of("BenchStreamed");
  indexed["GlobalSecondaryIndexes"] = json::array{index_of("by-time", "timestamp", "device_id"),
                                                  index_of("again", "device_id", "timestamp")};
  streamed["StreamSpecification"] =
      json::object{{"StreamEnabled", true}, {"StreamViewType", "NEW_AND_OLD_IMAGES"}};
  for (const json::object* table : {&plain, &indexed, &streamed})
    CHECK(client.call_json("dynamodb", "DynamoDB_20120810.CreateTable", "1.0", *table));
  return Done{};
}

std::optional<Child> serve(const Options& options, Report& report) {
  std::optional<Child> server;
  server.emplace(
      std::vector<std::string>{options.program, "serve", "--data-dir", options.dir + "/data",
                               "--listen", "127.0.0.1:0", "--trail-interval", "1"},
      "Sluice serves");
  if (!server->ready()) {
    report.missing("the server", "it did not start");
    server.reset();
  }
  return server;
}

Result<Done> measure_running(const Options& options, Report& report, size_t& batches) {
  const std::string data_dir = options.dir + "/data";
  TRY(const Session s, session_of(data_dir));
  TRY(const auto client, cli::Client::connect(s.common));
  CHECK(set_up(*client));
  const auto wanted = [&](const char* part) {
    return options.only.empty() || options.only == part;
  };
  const Target target = target_of(s.endpoint);
  const Signer s3(s.credentials, s.endpoint, "s3"), dynamodb(s.credentials, s.endpoint, "dynamodb");
  if (options.growth) {
    measure_growth(options, report, target, s3, dynamodb);
    return Done{};
  }
  if (options.profile) {
    measure_profile(options, report, target, s3, dynamodb);
    profile_ingestion(options, report, *client, s.common, s.endpoint.pid);
    return Done{};
  }
  if (options.upload_mib) {
    measure_uploads(options, report, s);
    return Done{};
  }
  if (wanted("objects")) measure_objects(options, report, s);
  if (wanted("connections")) measure_connections(options, report, target, s3);
  if (wanted("items")) measure_items(options, report, s, batches);
  if (wanted("items")) measure_calls(options, report, s);
  if (wanted("items")) measure_what_follows(options, report, s);
  if (wanted("identity")) CHECK(measure_identity(options, report, *client, target, s.credentials));
  if (wanted("trail")) measure_trail(options, report, *client, target, s3);
  if (wanted("pipeline")) measure_pipeline(options, report, *client, s.common);
  if (wanted("functions")) {  // last: their environments end while the next row would be measured
    measure_functions(options, report, *client);
    measure_runtimes(report, *client, s.common);
  }
  return Done{};
}
}  // namespace

void measure_product(const Options& options, Report& report) {
  report.heading("Sluice, with TLS, signatures, encryption, audit and sync on");
  size_t batches = 0;
  {
    const auto server = serve(options, report);
    if (!server) return;
    report.add({"start, new directory", server->ready_ms(), "ms", "keys and certificates are made",
                1, 300, true, ""});
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    report.add({"idle, new directory", static_cast<double>(resident_kb(server->pid())) / 1024,
                "MiB RSS", "", 1, 64, true, ""});
    if (auto done = measure_running(options, report, batches); !done)
      report.missing("the rest", done.error().message);
  }
  const auto again = serve(options, report);
  if (!again) return;
  report.add({"start again", again->ready_ms(), "ms",
              "with " + std::to_string(batches * kBatch) + " items", 1, 300, true, ""});
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  report.add({"idle again", static_cast<double>(resident_kb(again->pid())) / 1024, "MiB RSS", "", 1,
              64, true, ""});
}

}  // namespace sluice::bench
