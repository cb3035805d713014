// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/environment.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "base/bytes.h"
#include "base/random.h"

namespace sluice::lambda {
namespace {
// How often memory is looked at while a start or an invocation runs, and between two.
constexpr int kLookBusyMs = 50, kLookIdleMs = 1000;

Response runtime_json(int status, const json::object& body) { return render_json(status, body); }
Response refused(int status, const char* type, const char* text) {
  return runtime_json(status, {{"errorType", type}, {"errorMessage", text}});
}

// The environment variables of a function, each once: a later one takes the place of an earlier.
class Variables {
 public:
  void set(const std::string& name, const std::string& value) {
    const std::string start = name + "=";
    for (std::string& one : all_)
      if (one.starts_with(start)) {
        one = start + value;
        return;
      }
    all_.push_back(start + value);
  }
  std::vector<std::string> take() { return std::move(all_); }

 private:
  std::vector<std::string> all_;
};

// Those that AWS sets (Lambda Developer Guide, "Defined runtime environment variables"), then the
// function's own, then what tells of its log.
std::vector<std::string> variables_of(const Function& f, const Launch& launch,
                                      const Session& session, const Ports& ports,
                                      const std::string& log_stream) {
  const std::string& region = ports.store->scope().region;
  Variables out;
  out.set("_HANDLER", f.handler);
  out.set("AWS_REGION", region);
  out.set("AWS_DEFAULT_REGION", region);
  out.set("AWS_LAMBDA_FUNCTION_NAME", f.name);
  out.set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", std::to_string(f.memory_mb));
  out.set("AWS_LAMBDA_FUNCTION_VERSION", f.version);
  out.set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
  out.set("AWS_LAMBDA_LOG_GROUP_NAME", f.log_group);
  out.set("AWS_LAMBDA_LOG_STREAM_NAME", log_stream);
  out.set("AWS_ACCESS_KEY_ID", session.access_key_id);
  out.set("AWS_SECRET_ACCESS_KEY", std::string(session.secret_access_key.expose()));
  out.set("AWS_SESSION_TOKEN", session.token);
  out.set("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:" + std::to_string(kRuntimePort));
  out.set("LAMBDA_TASK_ROOT", "/var/task");
  out.set("LAMBDA_RUNTIME_DIR", "/var/runtime");
  out.set("LANG", "en_US.UTF-8");
  out.set("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin");
  out.set("LD_LIBRARY_PATH", "/var/task:/var/task/lib:/opt/lib");
  out.set("TZ", ":UTC");
  out.set("HOME", "/tmp");
  // AWS's SDKs look here for another endpoint. On AWS the same function runs without these
  // variables.
  out.set("AWS_ENDPOINT_URL", ports.endpoint_url);
  out.set("AWS_CA_BUNDLE", "/etc/sluice/ca.pem");
  for (const std::string& one : launch.variables)
    out.set(one.substr(0, one.find('=')), one.substr(one.find('=') + 1));
  for (const auto& [name, value] : f.environment)
    out.set(std::string(name), std::string(value.as_string()));
  if (f.log_format == "JSON") {
    out.set("AWS_LAMBDA_LOG_FORMAT", "JSON");
    out.set("AWS_LAMBDA_LOG_LEVEL",
            f.application_log_level.empty() ? "INFO" : f.application_log_level);
  }
  return out.take();
}
bool has_bootstrap(const std::shared_ptr<const CodeFolder>& folder) {
  return folder && access((folder->path() + "/bootstrap").c_str(), X_OK) == 0;
}
uint16_t port_of(const std::string& url) {
  return static_cast<uint16_t>(parse_int(url.substr(url.rfind(':') + 1)).value_or(0));
}
}  // namespace

CodeFolder::~CodeFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Result<std::unique_ptr<Environment>> Environment::start(std::shared_ptr<const Function> function,
                                                        const Runtime& runtime,
                                                        std::shared_ptr<const CodeFolder> code,
                                                        std::shared_ptr<const CodeFolder> layers,
                                                        Session session, const Ports& ports) {
  std::string day = iso_seconds(now()).substr(0, 10);
  std::replace(day.begin(), day.end(), '-', '/');
  const std::string stream =
      day + "/" + (function->log_group == "/aws/lambda/" + function->name ? "" : function->name) +
      "[" + function->version + "]" + random_hex(32);
  Launch launch = launch_of(runtime, *function);
  if (runtime.interpreter.empty() && !has_bootstrap(code) && has_bootstrap(layers))
    launch.command = {"/opt/bootstrap"};
  SandboxOptions options{.code_dir = code->path(),
                         .layers_dir = layers ? layers->path() : "",
                         .user = code->owner(),
                         .ca_file = ports.ca_file,
                         .environment = variables_of(*function, launch, session, ports, stream),
                         .memory_mb = function->memory_mb,
                         .endpoint_port = port_of(ports.endpoint_url),
                         .launch = std::move(launch)};
  TRY(Sandbox sandbox, Sandbox::start(options));
  return std::unique_ptr<Environment>(new Environment(std::move(function), runtime, std::move(code),
                                                      std::move(layers), std::move(session), ports,
                                                      stream, std::move(sandbox)));
}

Environment::Environment(std::shared_ptr<const Function> function, const Runtime& runtime,
                         std::shared_ptr<const CodeFolder> code,
                         std::shared_ptr<const CodeFolder> layers, Session session,
                         const Ports& ports, std::string log_stream, Sandbox sandbox)
    : function_(std::move(function)),
      custom_(runtime.interpreter.empty()),
      code_(std::move(code)),
      layers_(std::move(layers)),
      session_(std::move(session)),
      ports_(ports),
      log_stream_(std::move(log_stream)),
      sandbox_(std::move(sandbox)),
      started_us_(monotonic_us()),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  watcher_ = std::thread([this] { watch(); });
}

void Environment::ask_to_end() {
  if (!asked_to_end_us_ && alive() && sandbox_.ask_to_end()) asked_to_end_us_ = monotonic_us();
}

Environment::~Environment() {
  end();
  close(wake_);
}

std::vector<Journal::Line> Environment::end() {
  if (!watcher_.joinable()) return {};
  ask_to_end();
  {
    MutexLock lock(mutex_);
    const auto ends = std::chrono::steady_clock::time_point(
        std::chrono::microseconds(asked_to_end_us_ + kEndGraceMs * 1000));
    while (asked_to_end_us_ && !exited_ && changed_.wait_until(lock, ends)) {
    }
    stopping_ = true;
    changed_.notify_all();
  }
  sandbox_.kill();  // this closes its connections too
  eventfd_write(wake_, 1);
  watcher_.join();
  {
    const MutexLock lock(threads_mutex_);
    for (std::thread& t : threads_) t.join();
  }
  read_output();
  const MutexLock lock(output_mutex_);
  return take_lines();
}

bool Environment::alive() {
  const bool late = !busy_ && !ready_ && monotonic_us() - started_us_ > kInitTimeoutMs * 1000;
  const MutexLock lock(mutex_);
  return !exited_ && init_error_.empty() && !late;
}

// Each process has a limit for its private memory. This looks at what all processes hold together,
// also in files that lie in memory. It makes a quick estimate, in which a shared page counts for
// each process that shares it. It measures exactly only when the estimate has grown, or when it is
// above the limit.
void Environment::check_memory() {
  const MutexLock lock(memory_mutex_);
  const pid_t first = sandbox_.first_process();
  const uint64_t limit = static_cast<uint64_t>(function_->memory_mb) << 20;
  const Usage estimate = estimate_usage(first);
  const bool grew = estimate.all() > estimated_bytes_ + estimated_bytes_ / 16;
  if (!grew && estimate.memory <= limit) return;
  estimated_bytes_ = std::max(estimated_bytes_, estimate.all());
  const Usage usage = measure_usage(first);
  peak_bytes_ = std::max(peak_bytes_, usage.all());
  if (usage.memory > limit) sandbox_.kill();
}

// Rounded up, because whoever has run has used some memory.
int64_t Environment::memory_used_mb() {
  const MutexLock lock(memory_mutex_);
  return static_cast<int64_t>((std::max<uint64_t>(peak_bytes_, 1) + (1 << 20) - 1) >> 20);
}

void Environment::watch() {
  bool output_open = true, shares = false;
  int64_t looked_us = 0;
  for (bool process_watched = true;;) {
    pollfd fds[] = {{wake_, POLLIN, 0},
                    {sandbox_.runtime_listener(), POLLIN, 0},
                    {sandbox_.endpoint_listener(), POLLIN, 0},
                    {output_open ? sandbox_.output() : -1, POLLIN, 0},
                    {process_watched ? sandbox_.process() : -1, POLLIN, 0}};
    const int every_ms = busy_ || !ready_ ? kLookBusyMs : kLookIdleMs;
    if (poll(fds, std::size(fds), every_ms) < 0) continue;
    if (fds[0].revents) {
      eventfd_t count;
      eventfd_read(wake_, &count);
      const MutexLock lock(mutex_);
      if (stopping_) return;
      // An invocation begins, and should not share the processor with a look at the memory: the
      // one before it ended with such a look.
      if (shares) looked_us = monotonic_us();
    }
    if (process_watched && monotonic_us() - looked_us >= every_ms * 1000) {
      check_memory();
      if (!shares && begun_) shares = sandbox_.share_processor();
      looked_us = monotonic_us();
    }
    if (fds[3].revents) {
      read_output();
      output_open = !(fds[3].revents & POLLHUP);
    }
    if (fds[1].revents) accept_runtime();
    if (fds[2].revents)
      if (const int fd = accept4(sandbox_.endpoint_listener(), nullptr, nullptr, SOCK_CLOEXEC);
          fd >= 0)
        ports_.wire->adopt_tls(fd, "127.0.0.1");
    if (fds[4].revents) {
      process_watched = false;
      const MutexLock lock(mutex_);
      exited_ = true;
      changed_.notify_all();
    }
  }
}

void Environment::accept_runtime() {
  const int fd = accept4(sandbox_.runtime_listener(), nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  if (connections_ >= kRuntimeConnectionsMax) {
    close(fd);
    return;
  }
  const MutexLock lock(threads_mutex_);
  if (connections_ == 0) {  // all earlier ones have ended
    for (std::thread& t : threads_) t.join();
    threads_.clear();
  }
  ++connections_;
  threads_.emplace_back([this, fd] {
    ports_.wire->serve_plain(
        fd, [this](const Request& request, BodySource& body) { return answer(request, body); });
    --connections_;
  });
}

void Environment::add_line(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty()) return;
  if (line_bytes_ + text.size() > kLogBytesPerInvocationMax) {
    ++lines_dropped_;
    return;
  }
  line_bytes_ += text.size();
  lines_.push_back({now(), is_utf8(text) ? std::string(text) : percent_encode(text, true)});
}

void Environment::read_output() {
  const MutexLock lock(output_mutex_);
  char piece[16384];
  for (ssize_t got; (got = read(sandbox_.output(), piece, sizeof piece)) > 0;) {
    partial_.append(piece, static_cast<size_t>(got));
    size_t start = 0;
    for (size_t end; (end = partial_.find('\n', start)) != std::string::npos; start = end + 1)
      add_line(std::string_view(partial_).substr(start, end - start));
    partial_.erase(0, start);
    while (partial_.size() > kLogLineBytesMax) {
      add_line(std::string_view(partial_).substr(0, kLogLineBytesMax));
      partial_.erase(0, kLogLineBytesMax);
    }
  }
}

std::vector<Journal::Line> Environment::take_lines() {
  if (!partial_.empty()) add_line(std::exchange(partial_, {}));
  if (lines_dropped_)
    lines_.push_back({now(), "Sluice left out " + std::to_string(lines_dropped_) +
                                 " further lines: an invocation's log is bounded to 8 MB."});
  line_bytes_ = lines_dropped_ = 0;
  return std::exchange(lines_, {});
}

Response Environment::answer(const Request& request, BodySource& body) {
  constexpr std::string_view kBase = "/2018-06-01/runtime/";
  std::string_view path = request.target;
  if (!path.starts_with(kBase))
    return refused(404, "NotFound", "The Runtime API is at /2018-06-01/runtime/");
  path.remove_prefix(kBase.size());
  if (request.method == "GET" && path == "invocation/next") return next();
  const std::string error_type = request.headers.get("lambda-runtime-function-error-type");
  if (request.method == "POST" && path == "init/error") return finish("", true, error_type, body);
  const auto parts = split(path, '/');
  if (request.method != "POST" || parts.size() != 3 || parts[0] != "invocation" ||
      (parts[2] != "response" && parts[2] != "error"))
    return refused(404, "NotFound", "No such call of the Runtime API.");
  return finish(std::string(parts[1]), parts[2] == "error", error_type, body);
}

// What was written until the runtime asked for its first invocation is in the pipe by then.
void Environment::note_init_lines() {
  {
    const MutexLock lock(mutex_);
    if (initialised_) return;
  }
  read_output();
  const MutexLock lock(output_mutex_);
  init_lines_ = lines_.size();
}

Response Environment::next() {
  note_init_lines();
  MutexLock lock(mutex_);
  if (!initialised_) {
    initialised_ = ready_ = true;
    initialised_us_ = monotonic_us();
    changed_.notify_all();
  }
  if (std::exchange(refused_answer_, false)) {
    answered_ = true;
    changed_.notify_all();
  }
  while (!stopping_ && !waiting_payload_) changed_.wait(lock);
  if (stopping_) return refused(500, "Container.Stopped", "The environment is being stopped.");
  if (!sandbox_.running()) {  // who asked has ended while he waited, and sees no event any more
    exited_ = true;
    changed_.notify_all();
    return refused(500, "Container.Stopped", "The process has ended.");
  }
  waiting_payload_ = false;
  handed_over_ = begun_ = true;
  handed_over_us_ = monotonic_us();
  Response r{200, {}, std::move(event_.payload), nullptr, 0};
  r.headers.add("content-type", "application/json");
  r.headers.add("lambda-runtime-aws-request-id", event_.request_id);
  r.headers.add("lambda-runtime-deadline-ms", std::to_string(now() + function_->timeout_s * 1000));
  r.headers.add("lambda-runtime-invoked-function-arn",
                function_arn(ports_.store->scope(), event_.named));
  if (!event_.client_context.empty())
    r.headers.add("lambda-runtime-client-context", event_.client_context);
  r.headers.add("lambda-runtime-trace-id",
                "Root=1-" + hex(big_endian64(static_cast<uint64_t>(now() / 1000))).substr(8) + "-" +
                    random_hex(24) + ";Sampled=0");
  changed_.notify_all();
  return r;
}

Response Environment::finish(const std::string& id, bool failed, std::string error_type,
                             BodySource& source) {
  std::string body(16384, '\0');
  size_t used = 0;
  for (;;) {
    if (used == body.size()) body.resize(body.size() * 2);
    const auto got = source.read(body.data() + used, body.size() - used);
    if (!got) return refused(400, "InvalidRequest", "The body could not be read.");
    if (!*got) break;
    if ((used += *got) > kResponseBytesMax) break;
  }
  body.resize(used);
  const MutexLock lock(mutex_);
  if (id.empty()) {  // init/error
    init_error_ = body.empty() ? failure("Runtime.Unknown", "Init failed") : body;
    init_error_type_ = error_type.empty() ? "Runtime.InitError" : std::move(error_type);
    changed_.notify_all();
    return runtime_json(202, {{"status", "OK"}});
  }
  if (id != event_.request_id || !handed_over_ || answered_ || refused_answer_)
    return refused(403, "InvalidRequestID", "Invalid request ID");
  const bool too_large = used > kResponseBytesMax;
  (too_large ? refused_answer_ : answered_) = true;
  result_failed_ = failed || too_large;
  result_error_type_ = too_large ? "Function.ResponseSizeTooLarge" : std::move(error_type);
  result_ =
      too_large
          ? failure("Function.ResponseSizeTooLarge",
                    "Response payload size exceeded maximum allowed payload size (6291556 bytes).")
          : std::move(body);
  changed_.notify_all();
  return too_large ? refused(413, "RequestEntityTooLarge",
                             "Exceeded maximum allowed payload size (6291556 bytes).")
                   : runtime_json(202, {{"status", "OK"}});
}

std::string Environment::failure(const std::string& type, const std::string& text) const {
  return json::serialize(json::object{
      {"errorType", type},
      {"errorMessage",
       event_.request_id.empty() ? text : "RequestId: " + event_.request_id + " Error: " + text}});
}

// Waits for the answer, the end of the process or the deadline. Returns when the invocation began
// (monotonic µs).
int64_t Environment::wait_until_done(MutexLock& lock) {
  const auto until = [](int64_t us) {
    return std::chrono::steady_clock::time_point(std::chrono::microseconds(us));
  };
  const auto init_ends = until(monotonic_us() + kInitTimeoutMs * 1000);
  while (!handed_over_ && !exited_ && init_error_.empty() && changed_.wait_until(lock, init_ends)) {
  }
  if (!handed_over_) return monotonic_us();
  const int64_t began_us = handed_over_us_;
  const auto ends = until(began_us + function_->timeout_s * 1000000);
  while (!answered_ && !exited_ && changed_.wait_until(lock, ends)) {
  }
  answered_ = answered_ || refused_answer_;
  return began_us;
}

Finished Environment::invoke(Event event) {
  Finished out;
  MutexLock lock(mutex_);
  event_ = std::move(event);
  waiting_payload_ = true;
  handed_over_ = answered_ = refused_answer_ = result_failed_ = false;
  changed_.notify_all();
  busy_ = true;
  eventfd_write(wake_, 1);  // from now on memory is looked at more often
  const int64_t began_us = wait_until_done(lock);
  busy_ = false;
  if (!exited_) check_memory();
  out.duration_ms = static_cast<double>(monotonic_us() - began_us) / 1000;
  if (!std::exchange(reported_init_, true)) {
    out.init_began = began_;
    out.init_done = initialised_;
    const int64_t ended_us = initialised_ ? initialised_us_ : monotonic_us();
    out.init_ms = static_cast<double>(ended_us - started_us_) / 1000;
  } else {
    out.never_began = exited_ && !handed_over_;
    if (out.never_began) return out;
  }
  if (answered_) {
    out.kind = result_failed_ ? Finished::Kind::error : Finished::Kind::success;
    out.body = std::move(result_);
    out.error_type = result_error_type_;
  } else if (!init_error_.empty()) {
    out.kind = Finished::Kind::init_failed;
    out.body = init_error_;
    out.error_type = init_error_type_;
  } else if (exited_) {
    out.kind = Finished::Kind::exited;
    const std::string how = sandbox_.ending();
    const bool runnable = !custom_ || has_bootstrap(code_) || has_bootstrap(layers_);
    out.error_type = runnable ? "Runtime.ExitError" : "Runtime.InvalidEntrypoint";
    out.body =
        !runnable
            ? failure(out.error_type,
                      "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
            : failure(out.error_type, how == "exit status 0"
                                          ? "Runtime exited without providing a reason"
                                          : "Runtime exited with error: " + how);
  } else {
    out.kind = handed_over_ ? Finished::Kind::timeout : Finished::Kind::init_failed;
    out.error_type = "Sandbox.Timedout";
    out.body =
        failure(out.error_type, fmt::format("Task timed out after {:.2f} seconds",
                                            handed_over_ ? static_cast<double>(function_->timeout_s)
                                                         : kInitTimeoutMs / 1000.0));
    exited_ = true;  // so it is destroyed and never used again
    sandbox_.kill();
  }
  out.memory_used_mb = memory_used_mb();
  lock.unlock();
  read_output();  // what was written before the answer is in the pipe
  const MutexLock output(output_mutex_);
  out.answer_bytes = out.body.size();
  out.lines = take_lines();
  if (out.init_began) out.init_lines = init_lines_.value_or(out.lines.size());
  return out;
}

}  // namespace sluice::lambda
