// SPDX-License-Identifier: Apache-2.0
// Functions of managed runtimes beside one of a custom runtime: the first call of a new function,
// calls of a warm one, and what they hold in memory.
#include <zlib.h>

#include "base/bytes.h"
#include "bench.h"

namespace sluice::bench {
namespace {
constexpr int kCold = 10, kWarm = 200;

void put16(std::string& out, uint32_t value) {
  out += static_cast<char>(value & 0xff);
  out += static_cast<char>(value >> 8 & 0xff);
}
void put32(std::string& out, size_t value) {
  put16(out, static_cast<uint32_t>(value & 0xffff));
  put16(out, static_cast<uint32_t>(value >> 16 & 0xffff));
}

// A zip of one file, as it is.
std::string zip_of(const std::string& name, const std::string& text) {
  std::string about;  // what the local and the central header share
  for (const uint32_t part : {20u, 0u, 0u, 0u, 33u}) put16(about, part);
  put32(about,
        crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
  put32(about, text.size());
  put32(about, text.size());
  put16(about, static_cast<uint32_t>(name.size()));
  put16(about, 0);
  std::string zip = "PK\3\4" + about + name + text;
  const size_t directory = zip.size();
  zip += std::string("PK\1\2\24\0", 6) + about + std::string(14, '\0') + name;
  const size_t directory_bytes = zip.size() - directory;
  zip += std::string("PK\5\6\0\0\0\0", 8);
  put16(zip, 1);
  put16(zip, 1);
  put32(zip, directory_bytes);
  put32(zip, directory);
  put16(zip, 0);
  return zip;
}

struct Called {
  double ms = 0;
  std::string memory;  // "36 MB"
};
Result<Called> call(cli::Client& client, const std::string& name) {
  Headers headers;
  headers.add("x-amz-log-type", "Tail");
  const int64_t began = monotonic_us();
  TRY(const cli::Reply reply,
      client.send("lambda", "POST", "/2015-03-31/functions/" + name + "/invocations", headers,
                  "{}"));
  const double ms = static_cast<double>(monotonic_us() - began) / 1000;
  if (reply.status >= 300) return cli::error_of(reply);
  if (!reply.headers.get("x-amz-function-error").empty())
    return Error{500, "FunctionError", reply.body, {}};
  const std::string log = unbase64(reply.headers.get("x-amz-log-result")).value_or("");
  const size_t at = log.find("Max Memory Used: ");
  return Called{ms,
                at == std::string::npos ? "" : log.substr(at + 17, log.find('\t', at) - at - 17)};
}

struct Kind {
  std::string name, prefix, runtime, file, text;
};
Result<Done> measure(const Kind& kind, Report& report, cli::Client& client) {
  std::vector<double> cold, warm;
  std::string first, memory;
  for (int n = 0; n < kCold; ++n) {
    const std::string name = kind.prefix + "-" + std::to_string(n);
    if (n == 0) first = name;
    const json::object body{
        {"FunctionName", name},
        {"Runtime", kind.runtime},
        {"Handler", "index.handler"},
        {"Role", "arn:aws:iam::" + client.endpoint().account_id + ":role/bench"},
        {"Timeout", 30},
        {"MemorySize", 256},
        {"Code", json::object{{"ZipFile", base64(zip_of(kind.file, kind.text))}}}};
    Headers headers;
    headers.add("content-type", "application/json");
    TRY(const cli::Reply made,
        client.send("lambda", "POST", "/2015-03-31/functions", headers, json::serialize(body)));
    if (made.status >= 300) return cli::error_of(made);
    TRY(const Called called, call(client, name));
    cold.push_back(called.ms);
  }
  for (int n = 0; n < kWarm; ++n) {
    TRY(const Called called, call(client, first));
    warm.push_back(called.ms);
    memory = called.memory;
  }
  report.add({kind.name + ", cold", percentile(cold, 0.5), "ms",
              "p50 of " + std::to_string(kCold) + "; " + memory + " in use"});
  report.add(
      {kind.name + ", warm", percentile(warm, 0.5), "ms", "p50 of " + std::to_string(kWarm)});
  return Done{};
}

// The newest runtime of this language that the server has; "" when there is none.
std::string runtime_of(const json::object& status, std::string_view language) {
  std::string found;
  for (const json::value& one : status.at("runtimes").as_array())
    if (text_of(one.as_object(), "runtime").starts_with(language))
      found = text_of(one.as_object(), "runtime");
  return found;
}
}  // namespace

void measure_runtimes(Report& report, cli::Client& client, const cli::Common& common) {
  const auto status = cli::server_status(common);
  const std::string python = status ? runtime_of(*status, "python") : "",
                    node = status ? runtime_of(*status, "nodejs") : "";
  const std::string handler = "def handler(event, context): return event\n";
  for (const Kind& kind : {Kind{"Python function", "python", python, "index.py", handler},
                           Kind{"Python with boto3", "boto3", python, "index.py",
                                "import boto3\ns3 = boto3.client('s3')\n" + handler},
                           Kind{"Node.js function", "node", node, "index.js",
                                "exports.handler = async (event) => event;\n"}}) {
    if (kind.runtime.empty()) {
      report.missing(kind.name, "there is no interpreter");
      continue;
    }
    if (auto done = measure(kind, report, client); !done)
      report.missing(kind.name, done.error().message);
  }
}

}  // namespace sluice::bench
