// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/log_lines.h"

#include <fmt/format.h>

#include <cmath>

#include "base/bytes.h"
#include "crypto/crypto.h"

namespace sluice::lambda {
namespace {
using Lines = std::vector<Journal::Line>;

// Names what runs the function: AWS's version of the runtime, and whatever stands in its place.
std::string version_of(const Runtime& runtime) {
  return runtime.substituted ? runtime.described() : runtime.aws_version();
}
std::string version_arn(const LoggedInvocation& about) {
  return "arn:aws:lambda:" + about.region + "::runtime:" + hex(sha256(version_of(about.runtime)));
}
int64_t billed(const Finished& finished) {
  return static_cast<int64_t>(std::ceil(finished.duration_ms));
}
bool environment_failed(const Finished& finished) {
  return finished.kind == Finished::Kind::exited || finished.kind == Finished::Kind::init_failed;
}
Time init_ended(const Finished& finished) {
  return finished.init_began + static_cast<Time>(finished.init_ms);
}
bool timed_out_at_start(const Finished& finished) {
  return finished.kind == Finished::Kind::init_failed && finished.error_type == "Sandbox.Timedout";
}

class Text {
 public:
  Text(const LoggedInvocation& about, const Finished& finished)
      : about_(about), finished_(finished) {}
  void init_start(Lines& log) const {
    log.push_back(
        {finished_.init_began, "INIT_START Runtime Version: " + version_of(about_.runtime) +
                                   "\tRuntime Version ARN: " + version_arn(about_)});
  }
  // A start that went well is told in the line REPORT.
  void init_report(Lines& log) const {
    if (finished_.init_done) return;
    log.push_back(
        {init_ended(finished_),
         fmt::format("INIT_REPORT Init Duration: {:.2f} ms\tPhase: init\t", finished_.init_ms) +
             (timed_out_at_start(finished_)
                  ? "Status: timeout"
                  : "Status: error\tError Type: " + finished_.error_type)});
  }
  void start(Lines& log, Time began) const {
    log.push_back(
        {began, "START RequestId: " + about_.request_id + " Version: " + about_.function.version});
  }
  void end(Lines& log) const {
    const Time ended = now();
    if (finished_.kind == Finished::Kind::timeout)
      log.push_back(
          {ended, fmt::format("{} {} Task timed out after {:.2f} seconds", iso_millis(ended),
                              about_.request_id, static_cast<double>(about_.function.timeout_s))});
    log.push_back({ended, "END RequestId: " + about_.request_id});
    std::string line = fmt::format(
        "REPORT RequestId: {}\tDuration: {:.2f} ms\tBilled Duration: {} ms\tMemory Size: {} "
        "MB\tMax Memory Used: {} MB\t",
        about_.request_id, finished_.duration_ms, billed(finished_), about_.function.memory_mb,
        finished_.memory_used_mb);
    if (finished_.init_done) line += fmt::format("Init Duration: {:.2f} ms\t", finished_.init_ms);
    if (finished_.kind == Finished::Kind::timeout)
      line += "Status: timeout";
    else if (environment_failed(finished_))
      line += "Status: error\tError Type: " + finished_.error_type;
    log.push_back({ended, line});
  }

 private:
  const LoggedInvocation& about_;
  const Finished& finished_;
};

// Events below the level that the function asks for are left out, as on AWS: what went well at the
// end of a step is DEBUG, other news is INFO, what failed is WARN.
class Json {
 public:
  Json(const LoggedInvocation& about, const Finished& finished)
      : about_(about), finished_(finished) {
    const std::string& wanted = about.function.system_log_level;
    lowest_ = wanted == "DEBUG" ? Level::debug : wanted == "WARN" ? Level::warn : Level::info;
  }
  void init_start(Lines& log) const {
    add(log, Level::info, finished_.init_began, "platform.initStart",
        {{"initializationType", "on-demand"},
         {"phase", "init"},
         {"runtimeVersion", version_of(about_.runtime)},
         {"runtimeVersionArn", version_arn(about_)},
         {"functionName", about_.function.name},
         {"functionVersion", about_.function.version}});
  }
  void init_report(Lines& log) const {
    const bool well = finished_.init_done;
    json::object record{{"initializationType", "on-demand"},
                        {"phase", "init"},
                        {"status", well                            ? "success"
                                   : timed_out_at_start(finished_) ? "timeout"
                                                                   : "error"},
                        {"metrics", json::object{{"durationMs", hundredths(finished_.init_ms)}}}};
    if (!well && !timed_out_at_start(finished_)) record["errorType"] = finished_.error_type;
    add(log, well ? Level::debug : Level::warn, init_ended(finished_), "platform.initReport",
        std::move(record));
  }
  void start(Lines& log, Time began) const {
    add(log, Level::info, began, "platform.start",
        {{"requestId", about_.request_id}, {"version", about_.function.version}});
  }
  void end(Lines& log) const {
    const Time ended = now();
    const bool well = finished_.kind == Finished::Kind::success;
    json::object outcome{{"requestId", about_.request_id}, {"status", status()}};
    if (!well && !finished_.error_type.empty()) outcome["errorType"] = finished_.error_type;
    json::object done = outcome, report = outcome;
    done["metrics"] = json::object{{"durationMs", hundredths(finished_.duration_ms)},
                                   {"producedBytes", finished_.answer_bytes}};
    json::object metrics{{"durationMs", hundredths(finished_.duration_ms)},
                         {"billedDurationMs", billed(finished_)},
                         {"memorySizeMB", about_.function.memory_mb},
                         {"maxMemoryUsedMB", finished_.memory_used_mb}};
    if (finished_.init_done) metrics["initDurationMs"] = hundredths(finished_.init_ms);
    report["metrics"] = std::move(metrics);
    add(log, well ? Level::debug : Level::warn, ended, "platform.runtimeDone", std::move(done));
    add(log, well ? Level::info : Level::warn, ended, "platform.report", std::move(report));
  }

 private:
  enum class Level { debug, info, warn };
  static double hundredths(double ms) { return std::round(ms * 100) / 100; }
  const char* status() const {
    switch (finished_.kind) {
      case Finished::Kind::success: return "success";
      case Finished::Kind::error: return "error";
      case Finished::Kind::timeout: return "timeout";
      default: return "failure";
    }
  }
  void add(Lines& log, Level level, Time time, const char* type, json::object record) const {
    if (level < lowest_) return;
    log.push_back(
        {time, json::serialize(json::object{
                   {"time", iso_millis(time)}, {"type", type}, {"record", std::move(record)}})});
  }
  const LoggedInvocation& about_;
  const Finished& finished_;
  Level lowest_;
};

template <class Format>
Lines lines_of(const LoggedInvocation& about, Finished& finished) {
  const Format format(about, finished);
  Lines log;
  const auto init_ends = finished.lines.begin() + static_cast<ptrdiff_t>(finished.init_lines);
  Time began = about.began;
  if (finished.init_began) {
    format.init_start(log);
    std::move(finished.lines.begin(), init_ends, std::back_inserter(log));
    format.init_report(log);
    began = std::max(began, log.empty() ? began : log.back().time);
  }
  format.start(log, began);
  std::move(init_ends, finished.lines.end(), std::back_inserter(log));
  format.end(log);
  return log;
}
}  // namespace

Lines log_lines(const LoggedInvocation& about, Finished& finished) {
  return about.function.log_format == "JSON" ? lines_of<Json>(about, finished)
                                             : lines_of<Text>(about, finished);
}

}  // namespace sluice::lambda
