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
          const int64_t next_us = look(woken_.exchange(false));
          return std::chrono::milliseconds(std::max<int64_t>(1, (next_us - monotonic_us()) / 1000));
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
      const auto record =
          slash == path.npos ? std::nullopt : staged.get_json(guard_key(path.substr(0, slash)));
      if (!record) continue;
      for (const json::value& one : record->at("Guards").as_array())
        if (path.substr(slash + 1).starts_with(text_of(one.as_object(), "Prefix")))
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
    int64_t next_us = 0, next_digest_us = 0;
    int failures = 0;
    Time failing_since = 0;
  };

  // Every session once, if it is due. Returns when to look again.
  int64_t look(bool woken) {
    std::vector<Work> all;
    const Snapshot snapshot = ports_.store->snapshot();
    snapshot.scan(schema::prefix(Family::meta, "cloudtrail.session", {}), "", false,
                  [&](std::string_view key, std::string_view) {
                    const auto parts = schema::parts(key);
                    all.push_back({parts.at(0), parts.at(1), {}, {}, false});
                    return true;
                  });
    int64_t next_us = monotonic_us() + intervals_.deliver_ms * 1000;
    std::map<std::string, Pace> kept;
    for (Work& work : all) {
      const std::string key = work.name + "/" + work.id;
      const auto known = paces_.find(key);
      Pace pace = known == paces_.end() ? Pace{} : known->second;
      try {
        if (!load(work)) continue;
        const bool closing = !text_of(work.session, "Until").empty();
        if (known == paces_.end()) start_pace(work, pace);
        if (pace.next_us <= monotonic_us() || (woken && (closing || pace.failures)))
          serve(work, pace, closing);
      } catch (const std::exception& bug) {  // the trouble of one trail does not hold up the others
        spdlog::error("delivery of trail {} failed: {}", work.name, bug.what());
        pace.next_us = monotonic_us() + kRetryMaxMs * 1000;
      }
      kept[key] = pace;
      next_us = std::min(next_us, pace.next_us);
    }
    paces_ = std::move(kept);
    return next_us;
  }
  void start_pace(const Work& work, Pace& pace) const {
    const Time last = int_of(
        work.session, work.session.contains("DigestEnd") ? "DigestEnd" : "ChainStart", now());
    pace.next_digest_us =
        monotonic_us() +
        std::clamp<int64_t>(last + intervals_.digest_ms - now(), 0, intervals_.digest_ms) * 1000;
    pace.next_us = std::min(monotonic_us() + intervals_.deliver_ms * 1000, pace.next_digest_us);
    if (!text_of(work.session, "Until").empty()) pace.next_us = 0;
  }
  bool load(Work& work) const {
    const Snapshot snapshot = ports_.store->snapshot();
    auto session = snapshot.get_json(work.key());
    if (!session) return false;
    work.session = *std::move(session);
    if (const json::value* left = work.session.if_contains("Trail")) {
      work.trail = left->as_object();
      work.deleted = true;
      return true;
    }
    auto trail = snapshot.get_json(trail_key(work.name));
    if (trail) work.trail = *std::move(trail);
    return trail.has_value();
  }

  void serve(Work& work, Pace& pace, bool closing) {
    const bool digest_due = pace.next_digest_us <= monotonic_us();
    auto done = deliver(work, digest_due, closing);
    if (done && digest_due) pace.next_digest_us = monotonic_us() + intervals_.digest_ms * 1000;
    pace.next_us = std::min(monotonic_us() + intervals_.deliver_ms * 1000,
                            std::max(pace.next_digest_us, monotonic_us()));
    if (done) {
      pace.failures = 0;
      pace.failing_since = 0;
      return;
    }
    if (done.error().code == "Conflict" || done.error().code == "ConditionalRequestConflict") {
      pace.next_us = monotonic_us() + 10'000;
      return;
    }  // the trail was changed meanwhile
    if (!pace.failing_since) pace.failing_since = now();
    if (closing && (now() - pace.failing_since > kGiveUpMs ||
                    (work.deleted && done.error().code == "NoSuchBucket")))
      return give_up(work, done.error());
    pace.next_us =
        monotonic_us() + std::min(kRetryMaxMs, kRetryMinMs << std::min(pace.failures++, 6)) * 1000;
  }

  Result<Done> deliver(Work& work, bool digest_due, bool closing) {
    CHECK(follow_settings(work));
    // A digest speaks for everything up to it, deliveries' own records too: at the latest then they
    // go out.
    for (bool more = true; more;) {
      auto delivered = deliver_file(ports_, work, digest_due || closing);
      if (!delivered) return failed(work, "LatestDeliveryError", std::move(delivered).error());
      more = *delivered && !stopping();
      if (!load(work)) return Done{};
    }
    const bool ended = bool_of(work.session, "Ended"),
               chained = work.session.contains("ChainStart"),
               unwanted = chained && !bool_of(work.trail, "LogFileValidationEnabled");
    if (chained && (digest_due || ended || unwanted)) {
      if (auto digested = deliver_digest(ports_, work, ended || unwanted); !digested)
        return failed(work, "LatestDigestDeliveryError", std::move(digested).error());
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
    if (!work.session.contains("LogsPosition") || !text_of(work.session, "From").empty())
      return Done{};
    for (bool more = true; more;) {
      auto delivered = deliver_events(ports_, work);
      if (!delivered)
        return failed(work, "LatestCloudWatchLogsDeliveryError", std::move(delivered).error());
      more = *delivered && !stopping();
      if (!load(work)) return Done{};
    }
    return Done{};
  }
  // A log group, or validation, that came or went with UpdateTrail.
  Result<Done> follow_settings(Work& work) {
    const bool wants_events = !text_of(work.trail, "CloudWatchLogsLogGroupArn").empty(),
               has_events = work.session.contains("LogsPosition");
    const bool opens_chain = bool_of(work.trail, "LogFileValidationEnabled") &&
                             !work.session.contains("ChainStart") &&
                             !bool_of(work.session, "Ended");
    if (!text_of(work.session, "From").empty() || (wants_events == has_events && !opens_chain))
      return Done{};
    Staged staged = ports_.store->stage();
    TRY(json::object session, same_session(staged, work));
    if (wants_events && !has_events) session["LogsPosition"] = session.at("Position");
    if (!wants_events) session.erase("LogsPosition");
    if (opens_chain) {
      session["ChainStart"] = now();
      session["DigestedThrough"] = session.at("Position");
    }
    staged.put_json(work.key(), session);
    CHECK(commit(*ports_.store, std::move(staged)));
    load(work);
    return Done{};
  }
  Error failed(const Work& work, std::string_view member, Error error) {
    if (error.code == "Conflict" || error.code == "ConditionalRequestConflict") return error;
    spdlog::warn("trail {} cannot deliver: {} {}", work.name, error.code, error.message);
    Staged staged = ports_.store->stage();
    if (!work.deleted && staged.get(trail_key(work.name))) {
      json::object status = staged.get_json(status_key(work.name)).value_or(json::object());
      status[member] = error.code.empty() ? "InternalError" : error.code;
      status["Attempted"] = now();
      staged.put_json(status_key(work.name), status);
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

std::vector<json::object> delivered(const Snapshot& snapshot, std::string_view kind,
                                    const std::string& name) {
  std::vector<json::object> out;
  const std::string table = "cloudtrail." + std::string(kind);
  snapshot.scan(name.empty() ? schema::prefix(Family::meta, table, {})
                             : schema::prefix(Family::meta, table, {name}),
                "", false, [&](std::string_view, std::string_view value) {
                  if (auto one = parse_json_object(value)) out.push_back(*std::move(one));
                  return true;
                });
  return out;
}
std::unique_ptr<Delivery> delivery(const Ports& ports, const Intervals& intervals) {
  return std::make_unique<Worker>(ports, intervals);
}

}  // namespace sluice::cloudtrail
