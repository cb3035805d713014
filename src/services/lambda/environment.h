// SPDX-License-Identifier: Apache-2.0
#pragma once
// An execution environment of a function: a sandbox, and the Runtime API (2018-06-01) that feeds
// it. It runs one invocation at a time, and is kept and used again. Source: Lambda Developer Guide,
// "Using the Lambda runtime API", "Understanding the Lambda execution environment lifecycle".
//
//   TRY(auto environment, Environment::start(function, runtime, folder, nullptr, session, ports));
//   const Finished finished = environment->invoke({payload, request_id, "ingest:prod", ""});
//   if (finished.kind != Finished::Kind::success) environment.reset();
#include <atomic>
#include <thread>

#include "services/lambda/model.h"
#include "services/lambda/sandbox.h"
#include "base/thread_safety.h"

namespace sluice::lambda {

constexpr int64_t kInitTimeoutMs = 10000;
// What a function has to end well when its environment is no longer needed, if it takes SIGTERM.
constexpr int64_t kEndGraceMs = 500;
constexpr size_t kLogLineBytesMax = 256 << 10, kLogBytesPerInvocationMax = 8 << 20,
                 kRuntimeConnectionsMax = 8;

// A folder of unpacked code in memory. It is removed with this object.
class CodeFolder {
 public:
  // `owner`: who may read it (SandboxOptions::user).
  CodeFolder(std::string path, uid_t owner) : path_(std::move(path)), owner_(owner) {}
  CodeFolder(const CodeFolder&) = delete;
  CodeFolder& operator=(const CodeFolder&) = delete;
  ~CodeFolder();
  const std::string& path() const { return path_; }
  uid_t owner() const { return owner_; }

 private:
  const std::string path_;
  const uid_t owner_;
};

struct Finished {
  enum class Kind { success, error, timeout, exited, init_failed } kind = Kind::success;
  std::string body;                  // the answer, or {"errorMessage","errorType",...}
  std::string error_type;            // for the line REPORT, when the environment failed
  std::vector<Journal::Line> lines;  // what the function wrote meanwhile
  double duration_ms = 0;
  // Of the first invocation only: when the environment began, what that took, whether it came to
  // its end, and how many of the lines are from before the invocation.
  Time init_began = 0;
  double init_ms = 0;
  bool init_done = false;
  size_t init_lines = 0;
  size_t answer_bytes = 0;
  // The environment had ended by itself since its last invocation: another one may take this.
  bool never_began = false;
  int64_t memory_used_mb = 0;
};

// What a function is called with. `named` is its name with the qualifier of the call;
// `client_context` is JSON, or "".
struct Event {
  std::string payload, request_id, named, client_context;
};

class Environment {
 public:
  // `layers` is what becomes /opt; nullptr: there are none.
  static Result<std::unique_ptr<Environment>> start(std::shared_ptr<const Function> function,
                                                    const Runtime& runtime,
                                                    std::shared_ptr<const CodeFolder> code,
                                                    std::shared_ptr<const CodeFolder> layers,
                                                    Session session, const Ports& ports);
  ~Environment();
  // Blocks until the function has answered, failed or run out of time. An environment that has
  // failed can only be destroyed.
  Finished invoke(Event event);
  // false: it has ended, or its start has failed or takes too long.
  bool alive();
  // May be called by any thread while invoke() runs.
  void abort() { sandbox_.kill(); }
  // Lets a function that takes SIGTERM begin to end; the destructor waits for it. Asking all of
  // them first makes them end at the same time.
  void ask_to_end();
  // Ends it, and returns what was written since the last invocation.
  std::vector<Journal::Line> end();
  const Function& function() const { return *function_; }
  const Session& session() const { return session_; }
  const std::string& log_stream() const { return log_stream_; }
  // Only the runner uses these. The first is by the clock of the jobs.
  Time idle_since = 0;
  bool ahead = false;  // it was started before somebody waited for it, and nobody has come yet

 private:
  Environment(std::shared_ptr<const Function> function, const Runtime& runtime,
              std::shared_ptr<const CodeFolder> code, std::shared_ptr<const CodeFolder> layers,
              Session session, const Ports& ports, std::string log_stream, Sandbox sandbox);
  // Runs on a thread of its own: takes connections and output, and notices the end of the process.
  void watch();
  void accept_runtime();
  void read_output();
  void add_line(std::string_view text) SLUICE_REQUIRES(output_mutex_);
  Response answer(const Request& request, BodySource& body);  // one call of the Runtime API
  std::vector<Journal::Line> take_lines() SLUICE_REQUIRES(output_mutex_);
  void note_init_lines();
  Response next();
  Response finish(const std::string& id, bool failed, std::string error_type, BodySource& body);
  std::string failure(const std::string& type, const std::string& text) const
      SLUICE_REQUIRES(mutex_);
  int64_t wait_until_done(MutexLock& lock) SLUICE_REQUIRES(mutex_);
  void check_memory();  // notes the peak; kills the sandbox when it holds more than it may
  int64_t memory_used_mb();

  const std::shared_ptr<const Function> function_;
  const bool custom_;  // the package brings its own runtime
  const std::shared_ptr<const CodeFolder> code_, layers_;
  const Session session_;
  const Ports& ports_;
  const std::string log_stream_;
  Sandbox sandbox_;
  const Time began_ = now();
  const int64_t started_us_;
  int64_t asked_to_end_us_ = 0;
  int wake_ = -1;  // eventfd
  Mutex memory_mutex_;
  uint64_t peak_bytes_ SLUICE_GUARDED_BY(memory_mutex_) = 0;
  uint64_t estimated_bytes_ SLUICE_GUARDED_BY(memory_mutex_) = 0;
  std::atomic<bool> busy_{false};   // an invocation runs
  std::atomic<bool> ready_{false};  // the start is over
  std::atomic<bool> begun_{false};  // the start is over, and the first invocation runs or has run
  Mutex mutex_;
  ConditionVariable changed_;
  bool stopping_ SLUICE_GUARDED_BY(mutex_) = false;
  bool exited_ SLUICE_GUARDED_BY(mutex_) = false;
  bool initialised_ SLUICE_GUARDED_BY(mutex_) = false;
  bool reported_init_ SLUICE_GUARDED_BY(mutex_) = false;
  bool waiting_payload_ SLUICE_GUARDED_BY(mutex_) = false;
  bool handed_over_ SLUICE_GUARDED_BY(mutex_) = false;
  bool answered_ SLUICE_GUARDED_BY(mutex_) = false;
  bool result_failed_ SLUICE_GUARDED_BY(mutex_) = false;
  int64_t initialised_us_ SLUICE_GUARDED_BY(mutex_) = 0;
  int64_t handed_over_us_ SLUICE_GUARDED_BY(mutex_) = 0;
  // The answer was refused as too large. What the runtime writes about that belongs to the same
  // run, which ends when the runtime asks for its next one.
  bool refused_answer_ SLUICE_GUARDED_BY(mutex_) = false;
  Event event_ SLUICE_GUARDED_BY(mutex_);
  std::string result_ SLUICE_GUARDED_BY(mutex_);
  std::string result_error_type_ SLUICE_GUARDED_BY(mutex_);
  std::string init_error_ SLUICE_GUARDED_BY(mutex_);
  std::string init_error_type_ SLUICE_GUARDED_BY(mutex_);
  Mutex output_mutex_;
  std::string partial_ SLUICE_GUARDED_BY(output_mutex_);
  std::vector<Journal::Line> lines_ SLUICE_GUARDED_BY(output_mutex_);
  std::optional<size_t> init_lines_ SLUICE_GUARDED_BY(output_mutex_);
  size_t line_bytes_ SLUICE_GUARDED_BY(output_mutex_) = 0;
  size_t lines_dropped_ SLUICE_GUARDED_BY(output_mutex_) = 0;
  Mutex threads_mutex_;
  std::atomic<size_t> connections_{0};
  std::vector<std::thread> threads_ SLUICE_GUARDED_BY(threads_mutex_);
  std::thread watcher_;
};

}  // namespace sluice::lambda
