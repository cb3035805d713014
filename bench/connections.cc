// SPDX-License-Identifier: Apache-2.0
// Many connections: what an idle one costs the server, whether each is served, and what those that
// work feel of the others.
#include <fmt/format.h>
#include <sys/resource.h>

#include "base/bytes.h"
#include "base/random.h"
#include "bench.h"
#include "crypto/crypto.h"

namespace sluice::bench {
namespace {
constexpr size_t kIdle = 10'000, kIdleBesideWork = 5'000;

void allow_descriptors() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}
}  // namespace

void measure_connections(const Options& options, Report& report, const Target& target,
                         const Signer& signer) {
  allow_descriptors();
  const std::string body = random_bytes(kKiB), hash = hex(sha256(body));
  const auto put = [&](size_t n) {
    return Message{
        signer.head("PUT", "/bench/connections/" + std::to_string(n), {}, hash, body.size()),
        &body};
  };
  const auto add_latency = [&](const std::string& name) {
    Load load = run_load(target, kConnections, options.seconds, put);
    const double p50 = percentile(load.latency_ms, 0.5), p99 = percentile(load.latency_ms, 0.99);
    report.add({name + ", p99", p99, "ms",
                fmt::format("p50 {:.2f} ms, {:.0f}/s, {}", p50, load.rate(), load.split()), p50, 5,
                true, "p50"});
  };
  add_latency("PUT 1 KiB at 32");
  {
    const IdleConnections others(target, kIdleBesideWork);
    add_latency("PUT 1 KiB at 32, 5,000 idle");
  }
  {
    const int64_t before_kb = resident_kb(target.pid);
    IdleConnections idle(target, kIdle);
    const int64_t held_kb = resident_kb(target.pid) - before_kb;
    report.add({"idle TLS connections", static_cast<double>(idle.ask(put)), "served",
                fmt::format("{:.1f} KiB each, OpenSSL's included",
                            static_cast<double>(held_kb) / static_cast<double>(kIdle)),
                static_cast<double>(kIdle), 1, false, "10,000"});
  }
  for (const size_t count : {1, 8, 128, 256, 512, 2'000}) {
    const Load load = run_load(target, count, options.seconds, put);
    report.add({fmt::format("PUT 1 KiB at {}", count), load.rate(), "/s", load.split()});
  }
}

}  // namespace sluice::bench
