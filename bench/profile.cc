// SPDX-License-Identifier: Apache-2.0
// Where the server's processor time goes: of one call of each of the busiest operations, and of one
// ingested record. The kernel counts time and switches; perf, where it is installed, says by the
// functions that it finds on the stack which step of the request they belong to.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <sstream>

#include "base/bytes.h"
#include "base/random.h"
#include "bench.h"
#include "crypto/crypto.h"

namespace sluice::bench {
namespace {
struct Used {
  double user_s = 0, system_s = 0;
  std::map<std::string, double> switches;  // by thread, of those that there are
  // Those of a thread that has ended meanwhile are not known.
  double switches_since(const Used& before) const {
    double sum = 0;
    for (const auto& [thread, number] : switches) {
      const auto then = before.switches.find(thread);
      sum += number - (then == before.switches.end() ? 0 : then->second);
    }
    return sum;
  }
};
double switches_in(const std::string& status) {
  double sum = 0;
  for (const char* name : {"\nvoluntary_ctxt_switches:", "\nnonvoluntary_ctxt_switches:"})
    if (const size_t at = status.find(name); at != status.npos)
      sum += std::atof(status.c_str() + at + std::string_view(name).size());
  return sum;
}
Used used_by(int64_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const std::string stat = text_of_file(folder + "/stat");
  std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
  std::string field;
  Used used;
  const double tick_s = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  for (int n = 3; n <= 15 && fields >> field; ++n) {  // proc(5): 14 and 15 are user and system time
    if (n == 14) used.user_s = std::atof(field.c_str()) * tick_s;
    if (n == 15) used.system_s = std::atof(field.c_str()) * tick_s;
  }
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator(folder + "/task", ignored))
    used.switches[task.path().filename()] = switches_in(text_of_file(task.path() / "status"));
  return used;
}

// The step that a function belongs to, by a part of its name. Of the functions on a stack the
// innermost that is named here counts.
struct Mark {
  const char *function, *step;
};
constexpr Mark kMarks[] = {
    {"schedule", "switches between threads"},
    {"futex", "switches between threads"},
    {"try_to_wake_up", "switches between threads"},
    {"audit_record", "audit record"},
    {"key_use_records", "audit record"},
    {"Committer::", "commit"},
    {"WalSync::", "commit"},
    {"BGWork", "flushes and compaction"},
    {"CompactionJob", "flushes and compaction"},
    {"FlushJob", "flushes and compaction"},
    {"Gate::authorize", "authorise"},
    {"policy::decide", "authorise"},
    {"::needs(", "authorise"},
    {"open_evidence", "session, signature"},
    {"sigv4::", "session, signature"},
    {"::verify(", "session, signature"},
    {"::parse(", "parse"},
    {"parse_json", "parse"},
    {"append_fields", "parse"},
    {"Aead::", "seal and open"},
    {"Path::reply", "reply"},
    {"sluice::reply", "reply"},
    {"::render(", "reply"},
    {"Gate::perform", "run"},
    {"Path::attempt", "run"},
    {"net::", "TLS, HTTP"},
    {"SSL_", "TLS, HTTP"},
};
std::string step_of(const std::vector<std::string>& stack) {
  for (const std::string& function : stack)
    for (const Mark& mark : kMarks)
      if (function.find(mark.function) != function.npos) return mark.step;
  return "other";
}

// Watches the processors with perf while it lives, and tells of one process. A clock of each thread
// would begin anew whenever the thread does, and find it there: a switch between threads, which
// takes a twelfth of a GET, looked like a quarter of it.
class Watch {
 public:
  Watch(int64_t pid, std::string file) : pid_(pid), file_(std::move(file)) {
    child_ = fork();
    if (child_ > 0) wait_until_it_watches();
    if (child_ != 0) return;
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, 1);
    dup2(null, 2);
    execlp("perf", "perf", "record", "-F", "199", "--call-graph", "dwarf,16384", "-o",
           file_.c_str(), "-a", nullptr);
    _exit(127);
  }
  // How many samples each step has; empty without perf.
  std::map<std::string, double> stop() {
    std::map<std::string, double> samples;
    if (child_ <= 0) return samples;
    kill(child_, SIGINT);
    waitpid(child_, nullptr, 0);
    if (!std::filesystem::exists(file_)) return samples;
    const std::string command =
        fmt::format("perf script --no-inline --pid {} -F ip,sym -i '{}' 2>/dev/null", pid_, file_);
    FILE* const out = popen(command.c_str(), "r");
    if (!out) return samples;
    std::vector<std::string> stack;
    char* line = nullptr;
    size_t room = 0;
    while (getline(&line, &room, out) > 0) {
      const std::string_view text = trim(std::string_view(line).substr(0, strcspn(line, "\n")));
      if (!text.empty()) {
        stack.emplace_back(text);
      } else if (!stack.empty()) {
        ++samples[step_of(stack)];
        stack.clear();
      }
    }
    free(line);
    pclose(out);
    std::filesystem::remove(file_);
    return samples;
  }

 private:
  // It opens its file when it is about to begin.
  void wait_until_it_watches() {
    constexpr int kTries = 100;
    for (int n = 0; n < kTries && !std::filesystem::exists(file_); ++n) {
      if (waitpid(child_, nullptr, WNOHANG) == child_) {  // there is no perf
        child_ = -1;
        return;
      }
      usleep(50'000);
    }
    usleep(200'000);
  }
  const int64_t pid_;
  const std::string file_;
  pid_t child_ = -1;
};

// How many calls or records were done, and the server's processor time, if that is known better
// than from outside: without the handshakes before a load, for example.
struct Work {
  double count = 1;
  std::optional<double> cpu_s = {};
};
void profile(const Options& options, Report& report, int64_t pid, const std::string& name,
             const std::function<Work()>& work) {
  Watch watch(pid, options.dir + "/perf.data");
  const Used before = used_by(pid);
  const Work done = work();
  const Used after = used_by(pid);
  const auto samples = watch.stop();
  const double user_s = after.user_s - before.user_s, system_s = after.system_s - before.system_s,
               us = done.cpu_s.value_or(user_s + system_s) / done.count * 1e6;
  report.add({name, us, "us",
              fmt::format("{:.0f} % of it the kernel; {:.2f} switches",
                          100 * system_s / (user_s + system_s),
                          after.switches_since(before) / done.count)});
  double all = 0;
  for (const auto& [step, number] : samples) all += number;
  if (samples.empty()) report.missing("  by step", "perf is not here, or may not look");
  for (const auto& [step, number] : samples)
    report.add({"  " + step, us * number / all, "us", fmt::format("{:.0f} %", 100 * number / all)});
}
}  // namespace

void measure_profile(const Options& options, Report& report, const Target& target, const Signer& s3,
                     const Signer& dynamodb) {
  const std::string body = random_bytes(kKiB), hash = hex(sha256(body)), nothing = hex(sha256(""));
  const auto load = [&](const std::string& name, size_t connections, double each,
                        const Next& next) {
    profile(options, report, target.pid, name, [&] {
      const Load done = run_load(target, connections, options.seconds, next);
      return Work{static_cast<double>(done.answers) * each, done.server_cpu};
    });
  };
  load("a PUT of 1 KiB", kConnections, 1, [&](size_t n) {
    return Message{s3.head("PUT", "/bench/p/" + std::to_string(n), {}, hash, kKiB), &body};
  });
  load("a GET of 1 KiB", kConnections, 1, [&](size_t n) {
    return Message{s3.head("GET", "/bench/p/" + std::to_string(n % 32), {}, nothing, 0)};
  });
  const auto key = [](size_t n) {
    return R"({"device_id":{"S":"profile"},"timestamp":{"S":")" + std::to_string(n) + R"("})";
  };
  load("a PutItem", kWriters, 1, [&](size_t n) {
    return dynamodb_call(dynamodb, "PutItem",
                         R"({"TableName":"Bench","Item":)" + key(n) + R"(,"value":{"N":"1"}}})");
  });
  load("a GetItem", kWriters, 1, [&](size_t n) {
    return dynamodb_call(dynamodb, "GetItem",
                         R"({"TableName":"Bench","Key":)" + key(n % 1000) + "}}");
  });
  load("an item of BatchWriteItem", kWriters, kBatch,
       [&](size_t n) { return dynamodb_call(dynamodb, "BatchWriteItem", batch_body(n)); });
}

void profile_ingestion(const Options& options, Report& report, cli::Client& client,
                       const cli::Common& common, int64_t pid) {
  if (auto ready = deploy_pipeline(client); !ready)
    return report.missing("an ingested record", ready.error().message);
  profile(options, report, pid, "an ingested record, server", [&] {
    const auto records = ingest_readings_once(options, common);
    if (!records) report.missing("ingestion", records.error().message);
    return Work{records ? static_cast<double>(*records) : 1};
  });
}

}  // namespace sluice::bench
