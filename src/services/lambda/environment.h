// SPDX-License-Identifier: Apache-2.0
#pragma once
// An execution environment: a sandbox and the Runtime API that feeds it (2018-06-01). One
// invocation at a time; kept warm and reused. Source: Lambda Developer Guide, "Using the Lambda
// runtime API", "Understanding the Lambda execution environment lifecycle".
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "services/lambda/model.h"
#include "services/lambda/sandbox.h"

namespace sluice::lambda {

constexpr int64_t kInitTimeoutMs = 10000;
constexpr size_t kLogLineBytesMax = 256 << 10, kLogBytesPerInvocationMax = 8 << 20,
                 kRuntimeConnectionsMax = 8;

// A folder of unpacked code in memory, removed with its last user.
class CodeFolder {
 public:
  explicit CodeFolder(std::string path) : path_(std::move(path)) {}
  CodeFolder(const CodeFolder&) = delete;
  CodeFolder& operator=(const CodeFolder&) = delete;
  ~CodeFolder();
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

struct Finished {
  enum class Kind { success, error, timeout, exited, init_failed } kind = Kind::success;
  std::string body;                  // the answer, or {"errorMessage","errorType",...}
  std::string error_type;            // for the REPORT line, when the environment failed
  std::vector<Journal::Line> lines;  // what the function wrote meanwhile
  double duration_ms = 0;
  std::optional<double> init_ms;  // of the first invocation
  int64_t memory_used_mb = 0;
};

class Environment {
 public:
  static Result<std::unique_ptr<Environment>> start(std::shared_ptr<const Function> function,
                                                    std::shared_ptr<const CodeFolder> code,
                                                    Session session, const Ports& ports);
  ~Environment();
  // Blocks until the function answered, failed or ran out of time. An environment that failed is
  // fit only to be destroyed.
  Finished invoke(const std::string& payload, const std::string& request_id);
  bool alive();
  void abort() { sandbox_.kill(); }  // from any thread while invoke() runs
  const Function& function() const { return *function_; }
  const Session& session() const { return session_; }
  const std::string& log_stream() const { return log_stream_; }
  Time idle_since = 0;  // the runner's

 private:
  Environment(std::shared_ptr<const Function> function, std::shared_ptr<const CodeFolder> code,
              Session session, const Ports& ports, std::string log_stream, Sandbox sandbox);
  void watch();  // its own thread: connections, output, end of the process
  void accept_runtime();
  void read_output();
  void add_line(std::string_view text);
  Response answer(Request request, BodySource& body);  // one call of the Runtime API
  Response next();
  Response finish(const std::string& id, bool failed, std::string error_type, BodySource& body);
  std::string failure(const std::string& type, const std::string& text) const;
  int64_t wait_until_done(std::unique_lock<std::mutex>& lock);
  void check_memory();  // notes the peak; kills the sandbox when it holds more than it may
  int64_t memory_used_mb();

  const std::shared_ptr<const Function> function_;
  const std::shared_ptr<const CodeFolder> code_;
  const Session session_;
  const Ports& ports_;
  const std::string log_stream_;
  Sandbox sandbox_;
  const int64_t started_us_;
  int wake_ = -1;  // eventfd
  std::mutex memory_mutex_;
  uint64_t peak_bytes_ = 0, estimated_bytes_ = 0;
  std::atomic<bool> busy_{false};  // an invocation runs
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false, exited_ = false, initialised_ = false, reported_init_ = false,
       handed_over_ = false, answered_ = false;
  int64_t initialised_us_ = 0, handed_over_us_ = 0;
  std::string request_id_, payload_, result_, result_error_type_, init_error_;
  bool waiting_payload_ = false, result_failed_ = false;
  std::mutex output_mutex_;
  std::string partial_;
  std::vector<Journal::Line> lines_;
  size_t line_bytes_ = 0, lines_dropped_ = 0;
  std::mutex threads_mutex_;
  std::atomic<size_t> connections_{0};
  std::vector<std::thread> threads_;
  std::thread watcher_;
};

}  // namespace sluice::lambda
