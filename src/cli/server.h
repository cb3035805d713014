// SPDX-License-Identifier: Apache-2.0
#pragma once
// Puts the server together: store, services, request path and listeners. `sluice serve` and `sluice
// demo` run it.
//
//   StopSignals signals;   // before any thread is made
//   TRY(const auto server, RunningServer::start(options));
//   signals.wait();
#include <optional>
#include <signal.h>

#include <atomic>
#include <memory>

#include "cli/options.h"
#include "store/store.h"

namespace sluice {
struct Service;
}
namespace sluice::cli {

struct ServeOptions {
  std::string data_dir, root_key, listen = "127.0.0.1:4566", listen_http, certificate, key;
  std::vector<std::string> names;  // DNS names or addresses by which others reach this server
  // "": those that the directory has, or those of kDefaultScope when it is new.
  std::string region, account_id;
  std::vector<std::string> runtimes;  // "python3.13=/path/of/its/interpreter"
  std::vector<std::string> users;     // "1001=reporter"
  std::string user_socket;            // "": beside the data directory
  int64_t trail_interval_s = 300, digest_interval_s = 3600;
  // "soon": the record of an allowed read is synced within 20 ms of its answer; "synced": before.
  std::string audit_reads = "soon";
  Clock clock;  // of all work in the background
};
// A directory has one account and one Region, which are recorded when it is served for the first
// time: every ARN and every seal in it contains them.
extern const Scope kDefaultScope;
std::optional<Scope> recorded_scope(const std::string& data_dir);

class RunningServer {
 public:
  static Result<std::unique_ptr<RunningServer>> start(const ServeOptions& options);
  // Lets the requests end, then closes the store.
  virtual ~RunningServer() = default;
  virtual const Endpoint& endpoint() const = 0;
  // A write to the disk failed. The server has sent itself SIGTERM; only the next one can see which
  // of the last changes were kept.
  virtual bool failed() const = 0;
  virtual void clock_turned() = 0;  // a clock of a test went on
};
// Keeps SIGTERM and SIGINT for wait(). It must be made before any thread, because threads inherit
// the mask of signals.
class StopSignals {
 public:
  StopSignals();
  void wait();
  // A signal has come and wait() has not taken it yet.
  bool came() const;

 private:
  sigset_t set_;
};
// All services of the server, with the tables of their operations.
std::vector<const Service*> all_services();
// <data-dir>.root.key: it lies beside the directory, never in it.
std::string default_root_key(const std::string& data_dir);

}  // namespace sluice::cli
