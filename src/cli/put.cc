// sluice put.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "base/bytes.h"
#include "cli/pipeline.h"

namespace sluice::cli {
namespace {
Error wrong(std::string text) { return {400, "PutFailure", std::move(text), {}}; }

void show_bar(const std::string& file, uint64_t sent, uint64_t total) {
  constexpr int kWidth = 30;
  const int full = total ? static_cast<int>(sent * kWidth / total) : kWidth;
  fmt::print(stderr, "\r{:<40.40} [{:<30}] {:>5.1f} %", file,
             std::string(static_cast<size_t>(full), '='),
             total ? 100.0 * static_cast<double>(sent) / static_cast<double>(total) : 100.0);
  if (sent == total) fmt::print(stderr, "\n");
}

// Looks through the function's log for the lines that account for objects; fills in those of ours.
Result<size_t> collect(Client& client, const std::string& group, Time since,
                       std::vector<PutResult>& results) {
  size_t open = 0;
  std::string token;
  do {
    json::object ask{{"logGroupName", group},
                     {"startTime", since},
                     {"filterPattern", "{ $.message = \"object ingested\" }"}};
    if (!token.empty()) ask["nextToken"] = token;
    TRY(const json::object page,
        client.call_json("logs", "Logs_20140328.FilterLogEvents", "1.1", ask));
    for (const json::value& event : page.at("events").as_array()) {
      const auto line = parse_json_object(text_of(event.as_object(), "message"));
      if (!line) continue;
      for (PutResult& r : results) {
        if (r.key != text_of(*line, "key") || r.version != text_of(*line, "version_id")) continue;
        r.processed = true;
        r.read = int_of(*line, "RecordsRead");
        r.stored = int_of(*line, "RecordsStored");
        r.duplicate = int_of(*line, "RecordsDuplicate");
        r.rejected = int_of(*line, "RecordsRejected");
        r.quarantine = text_of(*line, "quarantine");
      }
    }
    token = text_of(page, "nextToken");
  } while (!token.empty());
  for (const PutResult& r : results) open += !r.processed;
  return open;
}

Result<Done> wait_until_processed(Client& client, const PutOptions& options,
                                  const std::string& function, Time since,
                                  std::vector<PutResult>& results) {
  const Time deadline = now() + options.timeout_s * 1000;
  for (int64_t pause_ms = 50;; pause_ms = std::min<int64_t>(pause_ms * 2, 1000)) {
    TRY(const size_t open, collect(client, "/aws/lambda/" + function, since, results));
    if (open == 0) return Done{};
    if (now() > deadline)
      return wrong(std::to_string(open) + " of " + std::to_string(results.size()) +
                   " files were not processed in " + std::to_string(options.timeout_s) +
                   " s; see: sluice aws logs tail /aws/lambda/" + function);
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
  }
}

}  // namespace

void print_results(const std::vector<PutResult>& results) {
  PutResult sum;
  fmt::print("{:<44} {:>9} {:>9} {:>9} {:>9}\n", "file", "read", "stored", "duplicate", "rejected");
  for (const PutResult& r : results) {
    fmt::print("{:<44.44} {:>9} {:>9} {:>9} {:>9}{}\n", r.key, r.read, r.stored, r.duplicate,
               r.rejected, r.quarantine.empty() ? "" : "  " + r.quarantine);
    sum.read += r.read;
    sum.stored += r.stored;
    sum.duplicate += r.duplicate;
    sum.rejected += r.rejected;
  }
  fmt::print("{:<44} {:>9} {:>9} {:>9} {:>9}\n", "total", sum.read, sum.stored, sum.duplicate,
             sum.rejected);
}

namespace {
int run_put(const Common& common, const PutOptions& asked) {
  auto client = Client::connect(common);
  if (!client) return fail(client.error());
  PutOptions options = asked;
  options.quiet = common.json || !isatty(2);
  auto results = put(**client, options);
  if (!results) return fail(results.error());
  if (common.json) {
    json::array all;
    for (const PutResult& r : *results) {
      json::object one{
          {"file", r.file}, {"key", r.key}, {"versionId", r.version}, {"bytes", r.bytes}};
      if (options.wait) {
        one["read"] = r.read;
        one["stored"] = r.stored;
        one["duplicate"] = r.duplicate;
        one["rejected"] = r.rejected;
        if (!r.quarantine.empty()) one["quarantine"] = r.quarantine;
      }
      all.push_back(std::move(one));
    }
    fmt::print("{}\n", json::serialize(all));
  } else if (options.wait) {
    print_results(*results);
  } else {
    for (const PutResult& r : *results)
      fmt::print("{} version {}\n", r.key, r.version.empty() ? "null" : r.version);
  }
  return 0;
}
}  // namespace

Result<std::vector<PutResult>> put(Client& client, const PutOptions& options) {
  std::string bucket = options.bucket, function;
  if (bucket.empty() || options.wait) {
    auto outputs = stack_outputs(client, options.stack);
    if (!outputs)
      return wrong("there is no pipeline named " + options.stack +
                   " yet; make it with: sluice deploy" +
                   (options.bucket.empty() ? ", or name a bucket with --bucket" : ""));
    if (bucket.empty()) bucket = (*outputs)["IngestBucket"];
    function = (*outputs)["FunctionName"];
    if (bucket.empty() || function.empty())
      return wrong("the stack " + options.stack +
                   " has no outputs IngestBucket and FunctionName; name a bucket with --bucket, "
                   "without --wait");
  }
  const Time since = now() - 1000;
  std::vector<PutResult> results;
  for (const std::string& file : options.files) {
    std::error_code problem;
    const uint64_t size = std::filesystem::file_size(file, problem);
    if (problem) return wrong("cannot read " + file);
    PutResult r{file, options.prefix + std::filesystem::path(file).filename().string(), "", size};
    TRY(const Reply reply,
        client.put_file("/" + percent_encode(bucket) + "/" + percent_encode(r.key, true), file,
                        [&](uint64_t sent) {
                          if (!options.quiet) show_bar(r.key, sent, size);
                        }));
    if (reply.status >= 300) {
      Error error = error_of(reply);
      error.message = file + ": " + error.message;
      return error;
    }
    r.version = reply.headers.get("x-amz-version-id");
    results.push_back(std::move(r));
  }
  if (options.wait) CHECK(wait_until_processed(client, options, function, since, results));
  return results;
}

void add_put(CLI::App& app, Common& common, int& exit_code) {
  auto options = std::make_shared<PutOptions>();
  CLI::App* command = app.add_subcommand("put", "Upload files to the ingest bucket");
  command->add_option("files", options->files, "files to upload")->required();
  command->add_option("--bucket", options->bucket, "bucket (default: the stack's ingest bucket)");
  command->add_option("--prefix", options->prefix, "put before each file's name to make its key");
  command->add_option("--stack", options->stack, "name of the pipeline's stack")
      ->capture_default_str();
  command->add_flag("--wait", options->wait,
                    "wait until every file is processed, then show what became of its records");
  command->add_option("--timeout", options->timeout_s, "seconds to wait at most")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  command->callback([options, &common, &exit_code] { exit_code = run_put(common, *options); });
}

}  // namespace sluice::cli
