// SPDX-License-Identifier: Apache-2.0
// The pipeline as a user deploys it: all readings through the function into the table, one upload
// until its row is seen, starts of a function.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/bytes.h"
#include "bench.h"
#include "cli/pipeline.h"

namespace sluice::bench {
namespace {
constexpr int kVisible = 100, kColdStarts = 10, kWarmStarts = 100;

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    if (entry.path().extension() == ".json") files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

struct Ingested {
  int64_t records = 0;
  double seconds = 0, cores = 0;
  double rate() const { return static_cast<double>(records) / seconds; }
};
Result<Ingested> ingest_once(const Options& options, const cli::Common& common,
                             int64_t server_pid) {
  cli::PutOptions put;
  put.paths = files_in(options.readings);
  put.wait = put.quiet = true;
  const double cpu = cpu_of(server_pid);
  const int64_t began = monotonic_us();
  TRY(const auto done_files, cli::put(common, put));
  if (done_files.trouble) return *done_files.trouble;
  Ingested done;
  done.seconds = static_cast<double>(monotonic_us() - began) / 1e6;
  done.records = cli::total_of(done_files.files).read;
  done.cores = (cpu_of(server_pid) - cpu) / done.seconds;
  return done;
}
// With the stack's trail of data events, delivered every second, and with the trail stopped:
// twice in turn, the better of each.
Result<Done> ingest_readings(const Options& options, Report& report, cli::Client& client,
                             const cli::Common& common, int64_t server_pid,
                             const std::string& trail) {
  Ingested with, without;
  for (int round = 0; round < 2; ++round)
    for (Ingested* best : {&with, &without}) {
      TRY(const json::object switched,
          client.call_json("cloudtrail",
                           std::string("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.") +
                               (best == &with ? "StartLogging" : "StopLogging"),
                           "1.1", {{"Name", trail}}));
      TRY(const Ingested done, ingest_once(options, common, server_pid));
      if (best->records == 0 || done.rate() > best->rate()) *best = done;
    }
  char note[96];
  snprintf(note, sizeof note, "%lld records in %.1f s; server and function %.2f cores",
           static_cast<long long>(with.records), with.seconds, with.cores);
  report.add({"ingestion", with.rate(), "records/s", note, report.value("bare RocksDB"), 0.5, false,
              "bare RocksDB"});
  report.add({"ingestion, of trail stopped", 100 * with.rate() / without.rate(), "percent",
              "of " + std::to_string(static_cast<int64_t>(without.rate())) +
                  " records/s with the trail stopped",
              100, 0.9, false, "none"});
  return Done{};
}

// From the first byte of the upload until a GetItem answers with the row.
Result<Done> measure_visible(Report& report, cli::Client& client, const std::string& bucket,
                             const std::string& table) {
  std::vector<double> took_ms;
  for (int n = 0; n < kVisible; ++n) {
    const std::string time = "2026-01-02T03:04:05." + std::to_string(1000 + n) + "Z",
                      body = R"([{"device_id":"visible","timestamp":")" + time + R"(","value":1}])";
    const json::object ask{{"TableName", table},
                           {"Key", json::object{{"device_id", json::object{{"S", "visible"}}},
                                                {"timestamp", json::object{{"S", time}}}}},
                           {"ConsistentRead", true}};
    const int64_t began = monotonic_us();
    TRY(const cli::Reply put,
        client.send("s3", "PUT", "/" + bucket + "/visible/" + std::to_string(n) + ".json", {},
                    body));
    if (put.status >= 300) return cli::error_of(put);
    for (bool seen = false; !seen;) {
      TRY(const json::object got,
          client.call_json("dynamodb", "DynamoDB_20120810.GetItem", "1.0", ask));
      seen = got.contains("Item");
      if (!seen && monotonic_us() - began > 30'000'000)
        return Error{500, "TooLate", "an uploaded row was not seen in 30 s", {}};
    }
    took_ms.push_back(static_cast<double>(monotonic_us() - began) / 1000);
  }
  const double sync_ms = 1000 / report.value("fdatasync");
  report.add({"upload to visible row, p50", percentile(took_ms, 0.5), "ms",
              std::to_string(kVisible) + " uploads of one record", sync_ms, 10, true,
              "one fdatasync"});
  report.add({"upload to visible row, p99", percentile(took_ms, 0.99), "ms", "", sync_ms, 40, true,
              "one fdatasync"});
  return Done{};
}

Result<double> invoke_ms(cli::Client& client, const std::string& name) {
  const int64_t began = monotonic_us();
  TRY(const cli::Reply reply,
      client.send("lambda", "POST", "/2015-03-31/functions/" + name + "/invocations", {},
                  R"({"Event":"s3:TestEvent"})"));
  if (reply.status >= 300) return cli::error_of(reply);
  if (!reply.headers.get("x-amz-function-error").empty())
    return Error{500, "FunctionError", reply.body, {}};
  return static_cast<double>(monotonic_us() - began) / 1000;
}

Result<Done> make_functions(cli::Client& client, const std::string& zip_file) {
  const std::string trust =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)"
      R"("Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
  const std::string logs =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup",)"
      R"("logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:*:*:*"}]})";
  TRY(const std::string role, client.call_query("iam", {{"Action", "CreateRole"},
                                                        {"Version", "2010-05-08"},
                                                        {"RoleName", "bench"},
                                                        {"AssumeRolePolicyDocument", trust}}));
  TRY(const std::string policy, client.call_query("iam", {{"Action", "PutRolePolicy"},
                                                          {"Version", "2010-05-08"},
                                                          {"RoleName", "bench"},
                                                          {"PolicyName", "logs"},
                                                          {"PolicyDocument", logs}}));
  for (int n = 0; n < kColdStarts; ++n) {
    const json::object body{
        {"FunctionName", "bench-" + std::to_string(n)},
        {"Runtime", "provided.al2023"},
        {"Handler", "bootstrap"},
        {"Role", "arn:aws:iam::" + client.endpoint().account_id + ":role/bench"},
        {"Timeout", 30},
        {"Environment", json::object{{"Variables", json::object{{"TABLE_NAME", "Bench"},
                                                                {"QUARANTINE_BUCKET", "bench"}}}}},
        {"Code", json::object{{"ZipFile", base64(text_of_file(zip_file))}}}};
    Headers headers;
    headers.add("content-type", "application/json");
    TRY(const cli::Reply reply,
        client.send("lambda", "POST", "/2015-03-31/functions", headers, json::serialize(body)));
    if (reply.status >= 300) return cli::error_of(reply);
  }
  return Done{};
}

Result<Done> try_functions(const Options& options, Report& report, cli::Client& client) {
  CHECK(make_functions(client,
                       std::filesystem::path(options.program).parent_path() / "sluice-ingest.zip"));
  std::vector<double> cold, warm;
  for (int n = 0; n < kColdStarts; ++n) {
    TRY(const double ms, invoke_ms(client, "bench-" + std::to_string(n)));
    cold.push_back(ms);
  }
  for (int n = 0; n < kWarmStarts; ++n) {
    TRY(const double ms, invoke_ms(client, "bench-0"));
    warm.push_back(ms);
  }
  report.add({"invocation, cold function", percentile(cold, 0.5), "ms",
              "p50 of " + std::to_string(kColdStarts) + ", as the client sees it", 1, 30, true,
              ""});
  report.add({"invocation, warm function", percentile(warm, 0.5), "ms",
              "p50 of " + std::to_string(kWarmStarts)});
  return Done{};
}
}  // namespace

void measure_functions(const Options& options, Report& report, cli::Client& client) {
  if (auto done = try_functions(options, report, client); !done)
    report.missing("functions", done.error().message);
}

Result<Done> deploy_pipeline(cli::Client& client) {
  cli::DeployOptions deploy;
  deploy.quiet = true;
  CHECK(cli::deploy(client, deploy));
  return Done{};
}
Result<int64_t> ingest_readings_once(const Options& options, const cli::Common& common) {
  TRY(const Ingested done, ingest_once(options, common, 0));
  return done.records;
}

void measure_pipeline(const Options& options, Report& report, cli::Client& client,
                      const cli::Common& common) {
  cli::DeployOptions deploy;
  deploy.quiet = true;
  auto outputs = cli::deploy(client, deploy);
  if (!outputs) return report.missing("ingestion", outputs.error().message);
  const auto endpoint = cli::read_endpoint(common);
  if (auto done = ingest_readings(options, report, client, common, endpoint ? endpoint->pid : 0,
                                  (*outputs)["TrailArn"]);
      !done)
    report.missing("ingestion", done.error().message);
  const std::string table =
      outputs->contains("TableName") ? (*outputs)["TableName"] : "ProcessedRecords";
  if (auto done = measure_visible(report, client, (*outputs)["IngestBucket"], table); !done)
    report.missing("upload to visible row", done.error().message);
}

}  // namespace sluice::bench
