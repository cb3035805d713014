// SPDX-License-Identifier: Apache-2.0
// bench [--json] [--seconds S] [--items N] [--only objects|connections|items|...]:
// ./dev bench runs it.
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/clock.h"
#include "bench.h"

namespace sluice::bench {

void Report::heading(const std::string& text) {
  if (!as_json_) fmt::print("\n{}\n{:-<118}\n", text, "");
}
void Report::add(Figure f) {
  if (!as_json_) {
    std::string judged;
    if (f.aim > 0 && f.limit > 0) {
      const double ratio = f.value / f.limit;
      const bool met = f.aim_is_most ? ratio <= f.aim : ratio >= f.aim;
      judged = f.against.empty()
                   ? fmt::format("at most {:g}: {}", f.aim, met ? "met" : "short")
                   : fmt::format("{:.2f} of {}, aim {} {:g}: {}", ratio, f.against,
                                 f.aim_is_most ? "<=" : ">=", f.aim, met ? "met" : "short");
    }
    fmt::print("{:<28} {:>12.{}f} {:<9} {:<48} {}\n", f.name, f.value, f.value < 100 ? 2 : 0,
               f.unit, judged, f.note);
    std::fflush(stdout);
  }
  figures_.push_back(std::move(f));
}
void Report::missing(const std::string& name, const std::string& why) {
  if (!as_json_) fmt::print("{:<28} not measured: {}\n", name, why);
  figures_.push_back({name, 0, "", "not measured: " + why});
}
void Report::finish() const {
  if (!as_json_) return;
  json::array all;
  for (const Figure& f : figures_) {
    json::object one{{"name", f.name}, {"value", f.value}, {"unit", f.unit}, {"note", f.note}};
    if (f.aim > 0 && f.limit > 0) {
      one["ratio"] = f.value / f.limit;
      one["against"] = f.against;
      one[f.aim_is_most ? "at_most" : "at_least"] = f.aim;
    }
    all.push_back(std::move(one));
  }
  fmt::print("{}\n", json::serialize(all));
}
double Report::value(const std::string& name) const {
  for (const Figure& f : figures_)
    if (f.name == name) return f.value;
  return 0;
}

std::string text_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}
double own_cpu() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}
double cpu_of(int64_t root) {
  struct Process {
    int64_t parent = 0, ticks = 0;
  };
  std::map<int64_t, Process> all;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const int64_t pid = std::atoll(entry.path().filename().c_str());
    if (pid <= 0) continue;
    const std::string stat = text_of_file(entry.path() / "stat");
    const size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) continue;
    std::istringstream fields(stat.substr(name_end + 2));
    std::string field;
    Process p;
    for (int n = 3; n <= 17 && fields >> field;
         ++n) {  // proc(5): 4 is ppid, 14 to 17 user and system time, own and of children waited
                 // for
      if (n == 4) p.parent = std::atoll(field.c_str());
      if (n >= 14) p.ticks += std::atoll(field.c_str());
    }
    all[pid] = p;
  }
  double ticks = 0;
  for (const auto& [pid, p] : all)
    for (int64_t at = pid; at > 1 && all.contains(at); at = all[at].parent)
      if (at == root) {
        ticks += static_cast<double>(p.ticks);
        break;
      }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}
namespace {
int64_t status_of(int64_t pid, std::string_view name) {
  const std::string status = text_of_file("/proc/" + std::to_string(pid) + "/status");
  const size_t at = status.find(name);
  return at == std::string::npos ? 0 : std::atoll(status.c_str() + at + name.size());
}
}  // namespace
int64_t resident_kb(int64_t pid) { return status_of(pid, "VmRSS:"); }
int64_t peak_kb(int64_t pid) { return status_of(pid, "VmHWM:"); }
void forget_peak(int64_t pid) {
  std::ofstream("/proc/" + std::to_string(pid) + "/clear_refs") << 5;  // proc(5)
}
double percentile(std::vector<double>& values, double share) {
  std::sort(values.begin(), values.end());
  return values.empty()
             ? 0
             : values[std::min(values.size() - 1,
                               static_cast<size_t>(share * static_cast<double>(values.size())))];
}

Child::Child(std::vector<std::string> arguments, const std::string& ready_prefix) {
  int pipes[2];
  if (pipe(pipes) != 0) return;
  const int64_t began = monotonic_us();
  std::vector<char*> argv;
  for (std::string& a : arguments) argv.push_back(a.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    dup2(pipes[1], 1);
    close(pipes[0]);
    close(pipes[1]);
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(pipes[1]);
  out_ = pipes[0];
  for (char c; line_.size() < 4096 && read(out_, &c, 1) == 1 && c != '\n';) line_ += c;
  ready_ = line_.starts_with(ready_prefix);
  ready_ms_ = static_cast<double>(monotonic_us() - began) / 1000;
}
Child::~Child() {
  if (pid_ <= 0) return;
  kill(static_cast<pid_t>(pid_), SIGTERM);
  waitpid(static_cast<pid_t>(pid_), nullptr, 0);
  close(out_);
}

int run(Options options) {
  const std::filesystem::path folder =
      std::filesystem::read_symlink("/proc/self/exe").parent_path();
  options.program = folder / "sluice";
  if (options.readings.empty()) {
    options.readings = folder / "../../shared/data/readings";
    if (!std::filesystem::exists(options.readings)) options.readings = folder / "../samples";
  }
  options.dir = (folder / "bench.data").string();
  std::filesystem::remove_all(options.dir);
  std::filesystem::create_directories(options.dir);
  Report report(options.json);
  try {
    if (!options.profile && !options.growth && !options.upload_mib)
      measure_machine(options, report);
    if (options.only != "machine") measure_product(options, report);
  } catch (const std::exception& bug) {
    fmt::print(stderr, "bench: {}\n", bug.what());
    return 1;
  }
  report.finish();
  std::filesystem::remove_all(options.dir);
  return 0;
}

}  // namespace sluice::bench

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc == 3 && std::string_view(argv[1]) == "echo") return sluice::bench::run_echo(argv[2]);
  CLI::App app("Measures Sluice, and the limits of the machine, in one run");
  sluice::bench::Options options;
  app.add_flag("--json", options.json, "one JSON array instead of the table");
  app.add_option("--seconds", options.seconds, "how long each load runs")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
  app.add_option("--items", options.items, "items in the table before the server is started again");
  app.add_option("--readings", options.readings, "folder of the files to ingest");
  app.add_flag("--profile", options.profile,
               "only where the server's processor time goes, by perf where there is one");
  app.add_flag("--growth", options.growth,
               "only how long calls take at a thousand, a hundred thousand, a million objects and "
               "ten million items; ten minutes and 8 GiB");
  app.add_option("--uploads", options.upload_mib,
                 "only the server's memory under 64 uploads of so many MiB each at once; the disk "
                 "needs room for them all, 64 GiB for 1024")
      ->check(CLI::Range(1, 5120));
  app.add_option("--only", options.only, "one part")
      ->check(CLI::IsMember({"machine", "objects", "connections", "items", "identity", "functions",
                             "pipeline", "trail"}));
  CLI11_PARSE(app, argc, argv);
  return sluice::bench::run(options);
}
