// SPDX-License-Identifier: Apache-2.0
// sluice put.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/bytes.h"
#include "cli/pipeline.h"
#include "base/thread_safety.h"

namespace sluice::cli {
namespace {
constexpr int kRejectedExitCode =
    3;  // --fail-on-rejected: uploaded and processed, but not all stored

Error wrong(std::string text) { return {400, "PutFailure", std::move(text), {}}; }

// The first Ctrl-C lets the files under way finish; the second ends the program at once.
std::atomic<bool> interrupted = false;
void stop_at_interrupt() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = true; };
  // A worker whose read it interrupts goes on reading: its file is there, and is to be reported.
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
}

// One bar over all files.
class Bar {
 public:
  Bar(uint64_t total, bool quiet) : total_(total), quiet_(quiet) {}
  void add(uint64_t bytes) {
    const MutexLock lock(mutex_);
    sent_ += bytes;
    const int64_t at_ms = now();
    if (quiet_ || at_ms - shown_ms_ < 100) return;
    shown_ms_ = at_ms;
    show();
  }
  void finish() {
    const MutexLock lock(mutex_);
    if (quiet_) return;
    show();
    fmt::print(stderr, "\n");
  }

 private:
  void show() const SLUICE_REQUIRES(mutex_) {
    constexpr uint64_t kWidth = 40;
    const double part = total_ ? static_cast<double>(sent_) / static_cast<double>(total_) : 1.0;
    const std::string full(total_ ? sent_ * kWidth / total_ : kWidth, '=');
    fmt::print(stderr, "\r[{:<40}] {:>5.1f} %  {:.1f} MB", full, 100.0 * part,
               static_cast<double>(sent_) / 1e6);
  }
  Mutex mutex_;
  const uint64_t total_;
  const bool quiet_;
  uint64_t sent_ SLUICE_GUARDED_BY(mutex_) = 0;
  int64_t shown_ms_ SLUICE_GUARDED_BY(mutex_) = 0;
};

// Uploads files side by side, each worker over a connection of its own, until all are there or one
// fails.
class Uploads {
 public:
  Uploads(const Common& common, const PutOptions& options, const std::string& bucket,
          std::vector<PutResult>& files)
      : common_(common),
        options_(options),
        bucket_(bucket),
        files_(files),
        bar_(total_of(files).bytes, options.quiet) {}

  std::optional<Error> run() {
    std::vector<std::thread> workers;
    for (size_t n = std::min(options_.jobs, files_.size()); n; --n)
      workers.emplace_back([this] { work(); });
    for (std::thread& worker : workers) worker.join();
    bar_.finish();
    const MutexLock lock(mutex_);
    if (!trouble_ && interrupted) trouble_ = wrong("interrupted");
    return trouble_;
  }

 private:
  void work() {
    auto client = Client::connect(common_);
    if (!client) return stop(std::move(client).error());
    while (!stopped_ && !interrupted) {
      const size_t mine = next_++;
      if (mine >= files_.size()) return;
      if (auto sent = upload(**client, files_[mine]); !sent) return stop(std::move(sent).error());
    }
  }
  Result<Done> upload(Client& client, PutResult& file) {
    uint64_t before = 0;
    const std::string target = "/" + percent_encode(bucket_) + "/" + percent_encode(file.key, true);
    TRY(const Reply reply, client.put_file(target, file.file, [&](uint64_t sent) {
      bar_.add(sent - std::exchange(before, sent));
    }));
    if (reply.status >= 300) {
      Error error = error_of(reply);
      error.message = file.file + ": " + error.message;
      return error;
    }
    file.version = reply.headers.get("x-amz-version-id");
    file.uploaded = true;
    if (options_.wait || !options_.report) return Done{};
    const MutexLock lock(mutex_);
    options_.report(file);
    return Done{};
  }
  void stop(Error error) {
    const MutexLock lock(mutex_);
    if (!trouble_) trouble_ = std::move(error);
    stopped_ = true;
  }

  const Common& common_;
  const PutOptions& options_;
  const std::string& bucket_;
  std::vector<PutResult>& files_;
  Bar bar_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  Mutex mutex_;
  std::optional<Error> trouble_ SLUICE_GUARDED_BY(mutex_);
};

// Follows the function's log for the lines that account for objects. Asks only for what is new:
// from a little before the latest line seen, because environments write side by side.
class Accounts {
 public:
  Accounts(Client& client, std::string group, Time since, std::vector<PutResult>& files)
      : client_(client), group_(std::move(group)), from_(since) {
    for (PutResult& file : files)
      if (file.uploaded) open_[{file.key, file.version}] = &file;
  }
  size_t open() const { return open_.size(); }

  // Those accounted for since the last call.
  Result<std::vector<const PutResult*>> fresh() {
    std::vector<const PutResult*> found;
    std::string token;
    Time latest = from_ + kOverlapMs;
    do {
      json::object ask{{"logGroupName", group_},
                       {"startTime", from_},
                       {"filterPattern", "{ $.message = \"object ingested\" }"}};
      if (!token.empty()) ask["nextToken"] = token;
      TRY(const json::object page,
          client_.call_json("logs", "Logs_20140328.FilterLogEvents", "1.1", ask));
      for (const json::value& event : page.at("events").as_array()) {
        latest = std::max(latest, int_of(event.as_object(), "timestamp"));
        if (const PutResult* file = account(text_of(event.as_object(), "message")))
          found.push_back(file);
      }
      token = text_of(page, "nextToken");
    } while (!token.empty());
    from_ = latest - kOverlapMs;
    return found;
  }

 private:
  static constexpr Time kOverlapMs = 5000;

  const PutResult* account(const std::string& message) {
    const auto line = parse_json_object(message);
    if (!line) return nullptr;
    const auto at = open_.find({text_of(*line, "key"), text_of(*line, "version_id")});
    if (at == open_.end()) return nullptr;
    PutResult& file = *at->second;
    file.processed = true;
    file.read = int_of(*line, "RecordsRead");
    file.stored = int_of(*line, "RecordsStored");
    file.duplicate = int_of(*line, "RecordsDuplicate");
    file.rejected = int_of(*line, "RecordsRejected");
    file.quarantine = text_of(*line, "quarantine");
    open_.erase(at);
    return &file;
  }

  Client& client_;
  const std::string group_;
  Time from_;
  std::map<std::pair<std::string, std::string>, PutResult*> open_;  // by key and version
};

std::optional<Error> wait_until_processed(Client& client, const PutOptions& options,
                                          const std::string& function, Time since,
                                          std::vector<PutResult>& files) {
  Accounts accounts(client, "/aws/lambda/" + function, since, files);
  const Time deadline = now() + options.timeout_s * 1000;
  constexpr int64_t kFirstPauseMs = 50, kPauseMsMax = 1000;
  for (int64_t pause_ms = kFirstPauseMs; accounts.open();
       pause_ms = std::min(pause_ms * 2, kPauseMsMax)) {
    auto fresh = accounts.fresh();
    if (!fresh) return std::move(fresh).error();
    if (!fresh->empty()) pause_ms = kFirstPauseMs;
    if (options.report)
      for (const PutResult* file : *fresh) options.report(*file);
    if (!accounts.open()) break;
    if (interrupted) return wrong("interrupted; what is uploaded is processed all the same");
    if (now() > deadline)
      return wrong(std::to_string(accounts.open()) + " of " + std::to_string(files.size()) +
                   " files were not processed in " + std::to_string(options.timeout_s) +
                   " s; see: sluice aws logs tail /aws/lambda/" + function);
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
  }
  return std::nullopt;
}

// Bucket and function: from the options, else from the stack's outputs.
struct Place {
  std::string bucket, function;
};
Result<Place> place_of(Client& client, const PutOptions& options) {
  Place place{options.bucket, {}};
  if (!place.bucket.empty() && !options.wait) return place;
  auto outputs = stack_outputs(client, options.stack);
  if (!outputs) {
    if (outputs.error().code != "ValidationError") return std::move(outputs).error();
    return wrong("there is no pipeline named " + options.stack +
                 " yet; make it with: sluice deploy" +
                 (options.bucket.empty() ? ", or name a bucket with --bucket" : ""));
  }
  if (place.bucket.empty()) place.bucket = (*outputs)["IngestBucket"];
  place.function = (*outputs)["FunctionName"];
  if (place.bucket.empty() || place.function.empty())
    return wrong("the stack " + options.stack +
                 " has no outputs IngestBucket and FunctionName; name a bucket with --bucket, "
                 "without --wait");
  return place;
}

json::object as_json(const PutResult& r, bool with_records) {
  json::object one{{"file", r.file}, {"key", r.key}, {"bytes", r.bytes}};
  if (!r.version.empty()) one["versionId"] = r.version;
  if (!with_records) return one;
  one["processed"] = r.processed;
  one["read"] = r.read;
  one["stored"] = r.stored;
  one["duplicate"] = r.duplicate;
  one["rejected"] = r.rejected;
  if (!r.quarantine.empty()) one["quarantine"] = r.quarantine;
  return one;
}

void print_json(const PutReport& report, bool with_records) {
  json::array files;
  for (const PutResult& r : report.files) files.push_back(as_json(r, with_records));
  json::object total = as_json(total_of(report.files), with_records);
  for (const char* of_one_file : {"file", "key", "processed"}) total.erase(of_one_file);
  total["files"] = report.files.size();
  fmt::print("{}\n", json::serialize(
                         json::object{{"files", std::move(files)}, {"total", std::move(total)}}));
}

int run_put(const Common& common, PutOptions options, bool fail_on_rejected) {
  options.quiet = common.json || !isatty(STDERR_FILENO);
  if (!common.json && options.wait) print_put_head();
  if (!common.json)
    options.report = [wait = options.wait](const PutResult& r) {
      if (wait)
        print_put_row(r);
      else
        fmt::print("{} version {}\n", r.key, r.version.empty() ? "null" : r.version);
      std::fflush(stdout);
    };
  stop_at_interrupt();
  const auto report = put(common, options);
  if (!report) return fail(report.error());
  const PutResult total = total_of(report->files);
  if (common.json)
    print_json(*report, options.wait);
  else if (options.wait)
    print_put_row(total);
  if (report->trouble) {
    fmt::print(stderr, "sluice: {} of the files were uploaded\n", report->files.size());
    return fail(*report->trouble);
  }
  return fail_on_rejected && total.rejected ? kRejectedExitCode : 0;
}
}  // namespace

void print_put_head() {
  fmt::print("{:<44} {:>9} {:>9} {:>9} {:>9}\n", "file", "read", "stored", "duplicate", "rejected");
}
void print_put_row(const PutResult& r) {
  fmt::print("{:<44.44} {:>9} {:>9} {:>9} {:>9}{}\n", r.key, r.read, r.stored, r.duplicate,
             r.rejected, r.quarantine.empty() ? "" : "  " + r.quarantine);
}
PutResult total_of(const std::vector<PutResult>& results) {
  PutResult sum{"total", "total", ""};
  for (const PutResult& r : results) {
    sum.bytes += r.bytes;
    sum.read += r.read;
    sum.stored += r.stored;
    sum.duplicate += r.duplicate;
    sum.rejected += r.rejected;
  }
  return sum;
}

Result<PutReport> put(const Common& common, const PutOptions& options) {
  TRY(const auto client, Client::connect(common));
  if (options.wait) CHECK(functions_can_start(client->endpoint()));
  TRY(const Place place, place_of(*client, options));
  TRY(std::vector<PutResult> files, files_to_put(options));
  const Time since = now() - 1000;
  PutReport report;
  report.trouble = Uploads(common, options, place.bucket, files).run();
  std::erase_if(files, [](const PutResult& file) { return !file.uploaded; });
  report.files = std::move(files);
  if (options.wait && !interrupted) {
    auto trouble = wait_until_processed(*client, options, place.function, since, report.files);
    if (!report.trouble) report.trouble = std::move(trouble);
  }
  return report;
}

void add_put(CLI::App& app, Common& common, int& exit_code) {
  auto options = std::make_shared<PutOptions>();
  auto fail_on_rejected = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("put", "Upload files to the ingest bucket");
  command
      ->add_option("paths", options->paths,
                   "files, folders (with all below them), or - for standard input with --key")
      ->required();
  command->add_option("--bucket", options->bucket, "bucket (default: the stack's ingest bucket)");
  command->add_option("--prefix", options->prefix, "put before each file's name to make its key");
  command->add_option("--key", options->key, "the object's key, in place of the file's name");
  command->add_option("--jobs", options->jobs, "uploads at a time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_option("--stack", options->stack, "name of the pipeline's stack")
      ->capture_default_str();
  command->add_flag("--wait", options->wait,
                    "wait until every file is processed, then show what became of its records");
  command
      ->add_flag("--fail-on-rejected", *fail_on_rejected,
                 "exit with 3 when a record was rejected (with --wait)")
      ->needs("--wait");
  command->add_option("--timeout", options->timeout_s, "seconds to wait at most")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  command->callback([options, fail_on_rejected, &common, &exit_code] {
    exit_code = run_put(common, *options, *fail_on_rejected);
  });
}

}  // namespace sluice::cli
