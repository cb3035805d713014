// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/runner.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <list>
#include <set>

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/crypto.h"
#include "services/lambda/async.h"
#include "services/lambda/execution_role.h"
#include "services/lambda/stream_poller.h"
#include "services/lambda/environment.h"
#include "services/lambda/layers.h"
#include "services/lambda/log_lines.h"
#include "services/lambda/package.h"
#include "services/lambda/runtimes.h"
#include "store/jobs.h"
#include "base/thread_safety.h"

namespace sluice::lambda {
namespace {
constexpr size_t kCodeFoldersKept = 8;
constexpr int64_t kSessionS = 3600;  // of an environment
// Environments that nobody has called yet: they hold memory for functions that nobody may ever
// call.
constexpr size_t kAheadMax = 4;

// Code is unpacked in memory, because nothing may be plain on disk. Where there is no tmpfs, it is
// unpacked in the data directory.
std::string code_root(const std::string& data_dir) {
  const std::string absolute = std::filesystem::absolute(data_dir).string(),
                    name = "sluice-" + hex(sha256(absolute)).substr(0, 16);
  std::string root = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm/" + name : absolute + "/run";
  std::error_code ignored;
  end_leftovers(root);
  std::filesystem::remove_all(root, ignored);  // a killed server may have left it
  if (mkdir(root.c_str(), 0700) != 0) {
    root = absolute + "/run";
    end_leftovers(root);
    std::filesystem::remove_all(root, ignored);
    mkdir(root.c_str(), 0700);
  }
  return root;
}

// All that is in the folder, and itself.
bool give_to(uid_t owner, const std::string& folder) {
  bool given = lchown(folder.c_str(), owner, owner) == 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    given = lchown(entry.path().c_str(), owner, owner) == 0 && given;
  return given;
}

Request internal_request(const Scope& scope) {
  Request request;
  request.time = now();
  request.source_ip = "lambda.amazonaws.com";
  request.tls_version = "TLSv1.3";
  request.headers.add("user-agent", "lambda.amazonaws.com");
  request.headers.add("host", "sts." + scope.region + ".amazonaws.com");
  return request;
}

class Runner : public FunctionRunner {
 public:
  Runner(const Ports& ports, const std::string& data_dir)
      : ports_(ports),
        root_(code_root(data_dir)),
        user_(root_.starts_with("/dev/shm/") ? sandbox_user() : 0) {
    if (user_) chmod(root_.c_str(), 0711);  // to the folders, whose names he is told
    if (geteuid() == 0 && !user_)
      spdlog::warn(
          "functions run as root, since no sandbox of another user can be made here: nothing but "
          "their memory bounds the number of their processes");
  }
  ~Runner() override {
    stop();
    Environments old;
    {
      const MutexLock lock(mutex_);
      old.swap(idle_);
    }
    end(std::move(old));
    folders_.clear();
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  void start() override {
    async_.serve();
    poller_.serve();
    ports_.store->jobs().serve(
        {.name = std::string(kAheadQueue),
         .work = [this](const Job& job, const Stopping&) { return start_ahead(job); }});
    ports_.store->jobs().every("the end of idle environments", kIdleLookEvery,
                               [this](const Stopping&) { end_idle(); });
  }

  void stop() override {
    MutexLock lock(mutex_);
    stopping_ = true;
    started_ahead_.notify_all();
    const auto ends = std::chrono::steady_clock::now() + std::chrono::milliseconds(kStopGraceMs);
    while (total_ != 0 && idle_changed_.wait_until(lock, ends)) {
    }
    for (Environment* e : active_) e->abort();
  }

  Result<Outcome> run(const std::string& name, const std::string& qualifier,
                      const std::string& payload, const std::string& request_id,
                      const std::string& client_context) override {
    const Snapshot snapshot = ports_.store->snapshot();
    const Call call{{name, {}, {}, qualifier}, payload, request_id, client_context};
    TRY(const auto function, choose_function(snapshot, call.named));
    // What is reserved is the function's, whichever version runs.
    if (auto taken = take_slot(*snapshot.get(function_key(name))); !taken) {
      Staged staged = ports_.store->stage();
      count(staged, call.named, function->version, "Throttles", 1, "Count", now());
      if (auto kept = ports_.store->commit(std::move(staged), {}); !kept)
        spdlog::error("a throttle of {} could not be counted: {}", name, kept.error().message);
      return std::move(taken).error();
    }
    auto slot = std::make_shared<Slot>(*this, name);
    TRY(Outcome outcome, run_in_slot(function, call, snapshot, *slot));
    outcome.place = std::move(slot);
    return outcome;
  }
  Result<Outcome> run_and_keep(const std::string& name, const std::string& qualifier,
                               const std::string& payload, const std::string& request_id) override {
    TRY(Outcome outcome, run(name, qualifier, payload, request_id, ""));
    CHECK(record(outcome.keep));
    outcome.keep = nullptr;
    outcome.place.reset();
    return outcome;
  }

 private:
  // One call of a function, as it was named.
  struct Call {
    FunctionName named;
    const std::string &payload, &request_id, &client_context;
  };
  using Environments = std::list<std::unique_ptr<Environment>>;
  const Clock& clock() const { return ports_.store->jobs().clock(); }
  // Of a call that runs. At its end it is given back, and with it the environment, when that can be
  // used again.
  class Slot {
   public:
    Slot(Runner& of, std::string function) : of_(of), function_(std::move(function)) {}
    ~Slot() {
      if (environment) of_.keep_warm(std::move(environment));
      of_.give_slot_back(function_);
    }
    Slot(const Slot&) = delete;
    std::unique_ptr<Environment> environment;

   private:
    Runner& of_;
    const std::string function_;
  };
  Result<Done> take_slot(const Function& function) {
    const MutexLock lock(mutex_);
    int64_t& own = running_[function.name];
    if (stopping_) return Error{503, "ServiceException", "The server is being stopped.", {}};
    const bool reserved_full = function.reserved && own >= *function.reserved;
    if (reserved_full || total_ >= kConcurrencyMax)
      return Error{429,
                   "TooManyRequestsException",
                   "Rate Exceeded.",
                   {{"Reason", reserved_full ? "ReservedFunctionConcurrentInvocationLimitExceeded"
                                             : "ConcurrentInvocationLimitExceeded"},
                    {"header:retry-after", "1"}}};
    ++own;
    ++total_;
    return Done{};
  }
  void give_slot_back(const std::string& name) {
    const MutexLock lock(mutex_);
    if (--total_ == 0) idle_changed_.notify_all();
    if (--running_[name] == 0) running_.erase(name);
  }
  int64_t running(const std::string& name) {
    const MutexLock lock(mutex_);
    const auto found = running_.find(name);
    return found == running_.end() ? 0 : found->second;
  }

  Finished invoke_in(Environment& environment, const Call& call) {
    {
      const MutexLock lock(mutex_);
      active_.insert(&environment);
    }
    Finished finished = environment.invoke(
        {call.payload, call.request_id, call.named.qualified(), call.client_context});
    const MutexLock lock(mutex_);
    active_.erase(&environment);
    return finished;
  }

  Result<Outcome> run_in_slot(const std::shared_ptr<const Function>& function, const Call& call,
                              const Snapshot& snapshot, Slot& slot) {
    const Time began = now();
    auto runtime = ports_.runtimes->get(function->runtime);
    if (!runtime)
      return Error{502, "InvalidRuntimeException", std::move(runtime).error().message, {}};
    TRY(std::unique_ptr<Environment> environment, warm_or_cold(function, snapshot));
    Finished finished = invoke_in(*environment, call);
    while (finished.never_began) {
      TRY(environment, warm_or_cold(function, snapshot));
      finished = invoke_in(*environment, call);
    }
    {
      const MutexLock lock(mutex_);
      if (stopping_ && finished.kind == Finished::Kind::exited)
        return Error{503, "ServiceException", "The server was stopped during the invocation.", {}};
    }
    Outcome outcome{std::move(finished.body),
                    finished.kind == Finished::Kind::success ? "" : "Unhandled",
                    {},
                    function->version};
    finished.body.clear();
    std::vector<Journal::Line> log = log_lines(
        {*function, *runtime, call.request_id, ports_.store->scope().region, began}, finished);
    for (const auto& line : log) outcome.log_tail += line.message + "\n";
    if (outcome.log_tail.size() > kLogTailBytes)
      outcome.log_tail.erase(0, outcome.log_tail.size() - kLogTailBytes);
    outcome.keep = record_of(call.named, *environment, std::move(log), finished, began);
    if (outcome.function_error.empty()) async_.answered(call.request_id);
    if (finished.kind == Finished::Kind::success || finished.kind == Finished::Kind::error)
      slot.environment = std::move(environment);
    return outcome;
  }

  // What a function has when it was made or changed: an environment that starts before somebody
  // waits for it. Whoever comes meanwhile waits for that one. Nothing is lost when it fails: the
  // first invocation then starts another one, and tells why.
  JobResult start_ahead(const Job& job) {
    const std::string name = members_from<AheadEvent>(job.event).function;
    const Snapshot snapshot = ports_.store->snapshot();
    const std::shared_ptr<const Function> function = snapshot.get(function_key(name));
    Environments old;
    if (function && begin_ahead(*function)) {
      const AheadEnds let_go(*this);  // whatever happens, nobody waits for it any more
      if (auto environment = cold(function, snapshot)) {
        const MutexLock lock(mutex_);
        old = take_ahead(*std::move(environment));
      }
    }
    end(std::move(old));
    Staged staged = ports_.store->stage();
    staged.finish(job);
    (void)ports_.store->commit(std::move(staged), {});  // else it is done again
    return JobResult::finished();
  }
  class AheadEnds {
   public:
    explicit AheadEnds(Runner& of) : of_(of) {}
    ~AheadEnds() {
      const MutexLock lock(of_.mutex_);
      of_.starting_ahead_.clear();
      of_.started_ahead_.notify_all();
    }
    AheadEnds(const AheadEnds&) = delete;

   private:
    Runner& of_;
  };
  bool begin_ahead(const Function& function) {
    const MutexLock lock(mutex_);
    if (stopping_ || function.reserved == 0 ||
        idle_.size() + static_cast<size_t>(total_) >= static_cast<size_t>(kConcurrencyMax))
      return false;
    if (running_.contains(function.name)) return false;  // somebody has come first
    for (const auto& one : idle_)
      if (is_of(*one, function)) return false;
    starting_ahead_ = function.name;
    return true;
  }
  // The newest few are kept. Returns those that give way.
  Environments take_ahead(std::unique_ptr<Environment> environment) SLUICE_REQUIRES(mutex_) {
    environment->ahead = true;
    environment->idle_since = clock().now();
    idle_.push_front(std::move(environment));
    Environments old;
    size_t kept = 0;
    for (auto it = idle_.begin(); it != idle_.end();) {
      const auto next = std::next(it);
      if ((*it)->ahead && ++kept > kAheadMax) old.splice(old.end(), idle_, it);
      it = next;
    }
    return old;
  }
  static bool is_of(const Environment& environment, const Function& function) {
    const Function& own = environment.function();
    return own.name == function.name && own.version == function.version &&
           own.revision == function.revision;
  }

  // Ends the environments that nobody will use again: they are too old, have ended by themselves,
  // or their function was changed or deleted.
  void end_idle() {
    const Snapshot snapshot = ports_.store->snapshot();
    Environments old;
    {
      const MutexLock lock(mutex_);
      for (auto it = idle_.begin(); it != idle_.end();) {
        const auto next = std::next(it);
        const Function& own = (*it)->function();
        const auto function = find_function(snapshot, {own.name, {}, {}, own.version});
        if (outlived(**it) || !function || (*function)->revision != own.revision)
          old.splice(old.end(), idle_, it);
        it = next;
      }
    }
    end(std::move(old));
  }
  // All of them at the same time. What they still write is logged.
  void end(Environments old) {
    for (const auto& one : old) one->ask_to_end();
    for (const auto& one : old) {
      const std::vector<Journal::Line> last = one->end();
      if (last.empty() || !ports_.journal || !may_log(one->function(), *one)) continue;
      const auto kept = record([&](Staged& staged) {
        ports_.journal->append(staged, one->function().log_group, one->log_stream(), last);
      });
      if (!kept)
        spdlog::error("the last log lines of {} are lost: {}", one->function().name,
                      kept.error().message);
    }
  }
  bool outlived(Environment& e) const {
    // A session is over by the wall clock, as whoever looks at its token does.
    return clock().now() - e.idle_since > kIdleMaxMs ||
           now() - e.session().issued > kEnvironmentLifeMaxMs || !e.alive();
  }

  // An idle environment of this revision of the function, or a new one.
  Result<std::unique_ptr<Environment>> warm_or_cold(const std::shared_ptr<const Function>& function,
                                                    const Snapshot& snapshot) {
    Environments old;
    std::unique_ptr<Environment> found;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && starting_ahead_ == function->name && function->version == "$LATEST")
        started_ahead_.wait(lock);
      for (auto it = idle_.begin(); it != idle_.end();) {
        Environment& e = **it;
        const bool same =
            e.function().name == function->name && e.function().version == function->version;
        if (outlived(e) || (same && e.function().revision != function->revision)) {
          old.push_back(std::move(*it));
          it = idle_.erase(it);
          continue;
        }
        if (!found && same) {
          found = std::move(*it);
          found->ahead = false;
          it = idle_.erase(it);
          continue;
        }
        ++it;
      }
      if (!found &&
          idle_.size() + static_cast<size_t>(total_) > static_cast<size_t>(kConcurrencyMax) &&
          !idle_.empty()) {
        old.push_back(std::move(idle_.back()));  // the one that has waited longest
        idle_.pop_back();
      }
    }
    end(std::move(old));
    if (found) return found;
    return cold(function, snapshot);
  }
  Result<std::unique_ptr<Environment>> cold(const std::shared_ptr<const Function>& function,
                                            const Snapshot& snapshot) {
    auto runtime = ports_.runtimes->get(function->runtime);
    if (!runtime)
      return Error{502, "InvalidRuntimeException", std::move(runtime).error().message, {}};
    TRY(Session session, assume_execution_role(ports_, *function, kSessionS));
    TRY(auto folder, code_folder(*function, snapshot));
    TRY(auto layers, layers_folder(*function, snapshot));
    return Environment::start(function, *runtime, std::move(folder), std::move(layers),
                              std::move(session), ports_);
  }
  void keep_warm(std::unique_ptr<Environment> environment) {
    environment->idle_since = clock().now();
    const MutexLock lock(mutex_);
    idle_.push_front(std::move(environment));  // the latest used first: the rest can grow old
  }

  Result<std::shared_ptr<const CodeFolder>> code_folder(const Function& function,
                                                        const Snapshot& snapshot) {
    return folder_of(function.code_sha256,
                     {{code_of(function), code_context(snapshot.scope(), function.name)}},
                     snapshot);
  }
  // All layers of the function in one folder, later ones over earlier; nullptr: it has none.
  Result<std::shared_ptr<const CodeFolder>> layers_folder(const Function& function,
                                                          const Snapshot& snapshot) {
    if (function.layers.empty()) return std::shared_ptr<const CodeFolder>();
    std::string name = "layers";
    std::vector<SealedZip> zips;
    for (const std::string& arn : function.layers) {
      const auto layer = find_layer(snapshot, arn);
      if (!layer)
        return Error{500, "ServiceException", "Layer version " + arn + " cannot be read.", {}};
      name += " " + layer->code_sha256;
      zips.push_back({code_of(*layer), layer_context(snapshot.scope(), *layer)});
    }
    return folder_of(name, zips, snapshot);
  }

  struct SealedZip {
    SealedCode code;
    json::object context;
  };
  Result<std::shared_ptr<const CodeFolder>> new_folder() const {
    const std::string path = root_ + "/" + random_hex(16);
    if (mkdir(path.c_str(), 0700) != 0)
      return Error{
          500, "ServiceException", "The function's code could not be unpacked under " + root_, {}};
    return std::make_shared<const CodeFolder>(path, user_);
  }
  // The zips laid one over the other. `name` says what is in them. Each is unpacked where nothing
  // else lies: unpack() counts on that.
  Result<std::shared_ptr<const CodeFolder>> folder_of(const std::string& name,
                                                      const std::vector<SealedZip>& zips,
                                                      const Snapshot& snapshot) {
    const MutexLock lock(code_mutex_);  // one unpacks, the others wait for it
    for (auto it = folders_.begin(); it != folders_.end(); ++it)
      if (it->first == name) {
        folders_.splice(folders_.begin(), folders_, it);
        return it->second;
      }
    TRY(auto folder, new_folder());
    for (const SealedZip& zip : zips) {
      TRY(const std::string bytes, open_package(zip.code, zip.context, ports_, snapshot));
      TRY(const auto own, new_folder());
      CHECK(unpack(bytes, own->path()));
      CHECK(lay_over(own->path(), folder->path()));
    }
    const std::string& path = folder->path();
    if (user_ && !give_to(user_, path))
      return Error{500, "ServiceException", "The function's code could not be given to it.", {}};
    folders_.emplace_front(name, folder);
    if (folders_.size() > kCodeFoldersKept) folders_.pop_back();
    return folder;
  }

  // As on AWS for all functions, for the function, for the version or alias that was called, and
  // for each version that an alias has called.
  void count(Staged& staged, const FunctionName& named, const std::string& version,
             std::string_view metric, double value, std::string_view unit, Time time) const {
    if (!ports_.meter) return;
    const auto record = [&](const Meter::Dimensions& dimensions) {
      ports_.meter->record(staged, "AWS/Lambda", metric, dimensions, value, unit, time);
    };
    record({});
    record({{"FunctionName", named.name}});
    record({{"FunctionName", named.name}, {"Resource", named.settings()}});
    if (named.qualifier.empty() || named.qualifier == version) return;
    record({{"FunctionName", named.name},
            {"Resource", named.settings()},
            {"ExecutedVersion", version}});
  }

  // The log is written in the name of the execution role. As on AWS, there is no log when the role
  // does not have logs:PutLogEvents.
  bool may_log(const Function& function, const Environment& environment) {
    const Snapshot snapshot = ports_.store->snapshot();
    const std::string arn =
        make_arn(snapshot.scope(), "logs",
                 "log-group:" + function.log_group + ":log-stream:" + environment.log_stream());
    return Gate::authorize(
               {{"logs:CreateLogStream", arn, {}, {}, ""}, {"logs:PutLogEvents", arn, {}, {}, ""}},
               internal_request(snapshot.scope()),
               Gate::role_caller(environment.session(), snapshot.scope()), ports_, snapshot)
        .has_value();
  }

  // What stages the log and the metrics of a run. It is called after others may have the
  // environment.
  std::function<void(Staged&)> record_of(const FunctionName& named, const Environment& environment,
                                         std::vector<Journal::Line> log, const Finished& finished,
                                         Time began) {
    const Function& function = environment.function();
    const bool logs = ports_.journal && may_log(function, environment);
    return [this, named, logs, log = std::move(log), group = function.log_group,
            stream = environment.log_stream(), version = function.version,
            errors = finished.kind == Finished::Kind::success ? 0 : 1,
            duration_ms = finished.duration_ms,
            at_once = static_cast<double>(running(function.name)), began](Staged& staged) {
      if (logs) ports_.journal->append(staged, group, stream, log);
      count(staged, named, version, "Invocations", 1, "Count", began);
      count(staged, named, version, "Errors", errors, "Count", began);
      count(staged, named, version, "Duration", duration_ms, "Milliseconds", began);
      count(staged, named, version, "ConcurrentExecutions", at_once, "Count", began);
    };
  }
  // Commits what `add` stages, and begins again when somebody else's commit came between.
  Result<Done> record(const std::function<void(Staged&)>& add) const {
    for (int attempt = 0;; ++attempt) {
      Staged staged = ports_.store->stage();
      add(staged);
      auto committed = ports_.store->commit(std::move(staged), {});
      if (committed) return Done{};
      if (committed.error().code != "Conflict" || attempt == 20)
        return std::move(committed).error();
    }
  }

  const Ports& ports_;
  const std::string root_;
  const uid_t user_;  // who runs the functions
  Mutex mutex_, code_mutex_;
  std::map<std::string, int64_t> running_ SLUICE_GUARDED_BY(mutex_);
  ConditionVariable idle_changed_, started_ahead_;
  std::string starting_ahead_ SLUICE_GUARDED_BY(mutex_);  // the function; "": none
  std::set<Environment*> active_ SLUICE_GUARDED_BY(mutex_);
  bool stopping_ SLUICE_GUARDED_BY(mutex_) = false;
  int64_t total_ SLUICE_GUARDED_BY(mutex_) = 0;
  Environments idle_ SLUICE_GUARDED_BY(mutex_);
  std::list<std::pair<std::string, std::shared_ptr<const CodeFolder>>> folders_
      SLUICE_GUARDED_BY(code_mutex_);
  AsyncQueue async_{ports_, *this};
  StreamPoller poller_{ports_, *this};
};
}  // namespace

std::unique_ptr<FunctionRunner> make_runner(const Ports& ports, const std::string& data_dir) {
  return std::make_unique<Runner>(ports, data_dir);
}

}  // namespace sluice::lambda
