// SPDX-License-Identifier: Apache-2.0
#include "services/cloudtrail/delivery.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <map>

#include "services/cloudtrail/trails.h"
#include "store/jobs.h"

namespace sluice::cloudtrail {
namespace {
constexpr const char* kWrites[] = {"s3:PutObject",
                                   "s3:PutObjectAcl",
                                   "s3:PutObjectTagging",
                                   "s3:DeleteObjectTagging",
                                   "s3:PutObjectVersionTagging",
                                   "s3:DeleteObjectVersionTagging",
                                   "s3:ReplicateObject"};

Result<Done> commit(Store& store, Staged&& staged) {
  CHECK(store.commit(std::move(staged), {}));
  return Done{};
}

class Worker : public Delivery {
 public:
  Worker(const Ports& ports, const Intervals& intervals) : ports_(ports), intervals_(intervals) {}

  void start() override {
    ports_.store->jobs().recur(
        kWork, std::chrono::milliseconds(0), [this](const Stopping& stopping) {
          stopping_ = &stopping;
          const Time next = look(woken_.exchange(false));
          return std::chrono::milliseconds(std::max<Time>(1, next - clock().now()));
        });
  }
  void wake() override {
    woken_ = true;
    ports_.store->jobs().wake(kWork);
  }

  Result<Done> may_write(const std::vector<Need>& needs, const Caller& caller,
                         Staged& staged) const override {
    // Only the server itself can be this principal, and it writes where a trail delivers.
    if (caller.principal().type == policy::Principal::Type::service &&
        caller.principal().arn == kPrincipal)
      return Done{};
    for (const Need& need : needs) {
      if (std::find(std::begin(kWrites), std::end(kWrites), need.action) == std::end(kWrites))
        continue;
      const std::string_view path =
          std::string_view(need.resource)
              .substr(std::min<size_t>(need.resource.size(), 13));  // after "arn:aws:s3:::"
      const size_t slash = path.find('/');
      const auto guarded =
          slash == path.npos ? nullptr : staged.look(guard_key(path.substr(0, slash)));
      if (!guarded) continue;
      for (const Guard& one : guarded->guards)
        if (path.substr(slash + 1).starts_with(one.prefix))
          return Error{403,
                       "AccessDenied",
                       "User: " + caller.principal().arn + " is not authorized to perform: " +
                           need.action + " on resource: \"" + need.resource +
                           "\" because only the trail that delivers there writes below its prefix",
                       {}};
    }
    return Done{};
  }

 private:
  struct Pace {
    Time next = 0, next_digest = 0, failing_since = 0;  // by clock().now()
    int failures = 0;
  };

  // Every session once, if it is due. Returns when to look again.
  Time look(bool woken) {
    std::vector<Work> all;
    const Snapshot snapshot = ports_.store->snapshot();
    snapshot.scan(schema::span(RecordPrefix<LoggingSession>{}), false,
                  [&](std::string_view key, std::string_view) {
                    const auto parts = schema::parts(key);
                    all.push_back({parts.at(0), parts.at(1), {}, {}, false});
                    return true;
                  });
    Time next = clock().now() + intervals_.deliver_ms;
    std::map<std::string, Pace> kept;
    for (Work& work : all) {
      const std::string key = work.name + "/" + work.id;
      const auto known = paces_.find(key);
      Pace pace = known == paces_.end() ? Pace{} : known->second;
      try {
        if (!load(work)) continue;
        const bool closing = !work.session.until.empty();
        if (known == paces_.end()) start_pace(work, pace);
        if (pace.next <= clock().now() || (woken && (closing || pace.failures)))
          serve(work, pace, closing);
      } catch (const std::exception& bug) {  // the trouble of one trail does not hold up the others
        spdlog::error("delivery of trail {} failed: {}", work.name, bug.what());
        pace.next = clock().now() + kRetryMaxMs;
      }
      kept[key] = pace;
      next = std::min(next, pace.next);
    }
    paces_ = std::move(kept);
    return next;
  }
  void start_pace(const Work& work, Pace& pace) const {
    const Time last =
        work.session.digest_end.value_or(work.session.chain_start.value_or(clock().calendar()));
    pace.next_digest =
        clock().now() + std::clamp<int64_t>(last + intervals_.digest_ms - clock().calendar(), 0,
                                            intervals_.digest_ms);
    pace.next = std::min(clock().now() + intervals_.deliver_ms, pace.next_digest);
    if (!work.session.until.empty()) pace.next = 0;
  }
  bool load(Work& work) const {
    const Snapshot snapshot = ports_.store->snapshot();
    const auto session = snapshot.get(work.key());
    if (!session) return false;
    work.session = *session;
    if (work.session.trail) {
      work.trail = *work.session.trail;
      work.deleted = true;
      return true;
    }
    const auto trail = snapshot.get(trail_key(work.name));
    if (trail) work.trail = *trail;
    return trail != nullptr;
  }

  void serve(Work& work, Pace& pace, bool closing) {
    const bool digest_due = pace.next_digest <= clock().now();
    auto done = deliver(work, digest_due, closing);
    if (done && digest_due) pace.next_digest = clock().now() + intervals_.digest_ms;
    pace.next =
        std::min(clock().now() + intervals_.deliver_ms, std::max(pace.next_digest, clock().now()));
    if (done) {
      pace.failures = 0;
      pace.failing_since = 0;
      return;
    }
    if (done.error().code == "Conflict" || done.error().code == "ConditionalRequestConflict") {
      pace.next = clock().now() + 10;
      return;
    }  // the trail was changed meanwhile
    if (!pace.failing_since) pace.failing_since = clock().now();
    if (closing && (clock().now() - pace.failing_since > kGiveUpMs ||
                    (work.deleted && done.error().code == "NoSuchBucket")))
      return give_up(work, done.error());
    pace.next = clock().now() + std::min(kRetryMaxMs, kRetryMinMs << std::min(pace.failures++, 6));
  }

  Result<Done> deliver(Work& work, bool digest_due, bool closing) {
    CHECK(follow_settings(work));
    // A digest speaks for everything up to it, deliveries' own records too: at the latest then they
    // go out.
    for (bool more = true; more;) {
      auto delivered = deliver_file(ports_, work, digest_due || closing);
      if (!delivered)
        return failed(work, &DeliveryStatus::delivery_error, std::move(delivered).error());
      more = *delivered && !stopping();
      if (!load(work)) return Done{};
    }
    const bool ended = work.session.ended, chained = work.session.chain_start.has_value(),
               unwanted = chained && !work.trail.validation;
    if (chained && (digest_due || ended || unwanted)) {
      if (auto digested = deliver_digest(ports_, work, ended || unwanted); !digested)
        return failed(work, &DeliveryStatus::digest_error, std::move(digested).error());
      if (!load(work)) return Done{};
    }
    // A log group that cannot be written to holds up neither files nor digests: it is tried again
    // with the next ones.
    if (auto logged = deliver_log_events(work); !logged && ended) return logged;
    if (!ended) return Done{};
    Staged staged = ports_.store->stage();
    CHECK(same_session(staged, work));
    staged.erase(work.key());
    return commit(*ports_.store, std::move(staged));
  }
  Result<Done> deliver_log_events(Work& work) {
    if (!work.session.logs_position || !work.session.from.empty()) return Done{};
    for (bool more = true; more;) {
      auto delivered = deliver_events(ports_, work);
      if (!delivered)
        return failed(work, &DeliveryStatus::logs_error, std::move(delivered).error());
      more = *delivered && !stopping();
      if (!load(work)) return Done{};
    }
    return Done{};
  }
  // A log group, or validation, that came or went with UpdateTrail.
  Result<Done> follow_settings(Work& work) {
    const bool wants_events = !work.trail.log_group.empty(),
               has_events = work.session.logs_position.has_value();
    const bool opens_chain =
        work.trail.validation && !work.session.chain_start && !work.session.ended;
    if (!work.session.from.empty() || (wants_events == has_events && !opens_chain)) return Done{};
    Staged staged = ports_.store->stage();
    TRY(LoggingSession session, same_session(staged, work));
    if (wants_events && !has_events) session.logs_position = session.position;
    if (!wants_events) session.logs_position.reset();
    if (opens_chain) {
      session.chain_start = clock().calendar();
      session.digested_through = session.position;
    }
    staged.put(work.key(), session);
    CHECK(commit(*ports_.store, std::move(staged)));
    load(work);
    return Done{};
  }
  Error failed(const Work& work, std::string DeliveryStatus::* why, Error error) {
    if (error.code == "Conflict" || error.code == "ConditionalRequestConflict") return error;
    spdlog::warn("trail {} cannot deliver: {} {}", work.name, error.code, error.message);
    Staged staged = ports_.store->stage();
    if (!work.deleted && staged.get(trail_key(work.name))) {
      DeliveryStatus status = staged.get(status_key(work.name)).value_or(DeliveryStatus{});
      status.*why = error.code.empty() ? "InternalError" : error.code;
      status.attempted = clock().calendar();
      staged.put(status_key(work.name), status);
      if (auto kept = commit(*ports_.store, std::move(staged)); !kept)
        spdlog::error("the failure could not be noted: {}", kept.error().message);
    }
    return error;
  }
  void give_up(const Work& work, const Error& error) {
    spdlog::error(
        "trail {} was deleted or stopped, and its last records cannot be delivered ({}): they stay "
        "in the audit log only",
        work.name, error.code);
    Staged staged = ports_.store->stage();
    if (!same_session(staged, work)) return;
    staged.erase(work.key());
    if (auto gone = commit(*ports_.store, std::move(staged)); !gone)
      spdlog::error("its session could not be erased: {}", gone.error().message);
  }
  const Clock& clock() const { return ports_.store->jobs().clock(); }
  bool stopping() const { return (*stopping_)(); }

  static constexpr const char* kWork = "the delivery of trails";
  const Ports& ports_;
  const Intervals intervals_;
  std::atomic<bool> woken_{false};
  // Of the work alone, which never runs twice at once.
  const Stopping* stopping_ = nullptr;
  std::map<std::string, Pace> paces_;
};
}  // namespace

std::unique_ptr<Delivery> delivery(const Ports& ports, const Intervals& intervals) {
  return std::make_unique<Worker>(ports, intervals);
}

}  // namespace sluice::cloudtrail
