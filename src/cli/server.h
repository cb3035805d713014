// SPDX-License-Identifier: Apache-2.0
#pragma once
// The composition: store, services, request path and listeners, joined. `sluice serve` and `sluice
// demo` run it.
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
  std::vector<std::string> names;  // by which others reach this server, DNS names or addresses
  std::string region, account_id;  // "": as the directory has them; else those of kDefaultScope
  int64_t trail_interval_s = 300, digest_interval_s = 3600;
};
// Region and account are of the directory: recorded when it is first served, since every ARN and
// every seal in it holds them.
extern const Scope kDefaultScope;
std::optional<Scope> recorded_scope(const std::string& data_dir);

class RunningServer {
 public:
  static Result<std::unique_ptr<RunningServer>> start(const ServeOptions& options);
  virtual ~RunningServer() = default;  // drains, then closes the store
  virtual const Endpoint& endpoint() const = 0;
  // A write to the disk failed: the server has sent itself SIGTERM, and only a new one can tell
  // which of the last changes were kept.
  virtual bool failed() const = 0;
};
// Keeps SIGTERM and SIGINT for wait(). Made before any thread: they inherit the mask.
class StopSignals {
 public:
  StopSignals();
  void wait();
  bool came() const;  // one waits to be taken

 private:
  sigset_t set_;
};
std::vector<const Service*> all_services();  // what it answers for: the operation table
std::string default_root_key(
    const std::string& data_dir);  // <data-dir>.root.key: beside the directory, never in it

}  // namespace sluice::cli
