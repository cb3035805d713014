// SPDX-License-Identifier: Apache-2.0
#pragma once
// Delivers audit records. Of every span of logging (a "session") the committed records that its
// trail selects become gzip files in the bucket and log events in the log group, and each interval
// a signed digest is written (docs/audit.md, docs/decisions/0003).
//
//   const std::unique_ptr<Delivery> trails = cloudtrail::delivery(ports, {.deliver_ms = 300'000});
//   ports.trails = trails.get();
//   trails->start();
#include "services/cloudtrail/model.h"

namespace sluice::cloudtrail {

// How many bytes of records one log file may have before gzip. AWS has 50 MB after it.
constexpr size_t kFileBytesMax = 4 << 20;
// How many records are looked at for one file, selected or not.
constexpr size_t kRecordsPerFileMax = 100'000;
constexpr int64_t kRetryMinMs = 1000, kRetryMaxMs = 60'000, kGiveUpMs = 24 * 3'600'000;

struct Intervals {
  int64_t deliver_ms = 300'000, digest_ms = 3'600'000;
};

class Delivery : public Trails {
 public:
  // Delivers from now on, as recurring work of the store's jobs.
  virtual void start() = 0;
};
std::unique_ptr<Delivery> delivery(const Ports& ports, const Intervals& intervals);

// A session as a worker sees it.
struct Work {
  std::string name, id;
  LoggingSession session;
  Trail trail;
  bool deleted = false;  // the trail was deleted; `trail` is what it was
  RecordKey<LoggingSession> key() const { return session_key(name, id); }
};
// What was delivered for one trail, or for all with "": LogFiles or Digests, of each trail the
// oldest first.
template <class Delivered>
std::vector<Delivered> delivered(const Snapshot& snapshot, const std::string& name) {
  std::vector<Delivered> out;
  using Prefix = RecordPrefix<Delivered>;
  snapshot.scan(name.empty() ? Prefix{} : Prefix{name}, "", false,
                [&](std::string_view, Delivered one) {
                  out.push_back(std::move(one));
                  return true;
                });
  return out;
}

// Audit records from a position on, up to `limit` (0: all), as the session selects them. The
// records that a delivery itself causes do not begin a file: they go into the next one.
struct Batch {
  struct Taken {
    uint64_t sequence;
    std::string time, text;
  };
  std::vector<Taken> taken;
  size_t bytes = 0;
  // The audit sequence that was reached, and where the session's first record was found, if it was
  // found here.
  uint64_t through = 0, began = 0;
  // The calls that changed the selectors: request id and audit sequence.
  std::vector<std::pair<std::string, uint64_t>> changes;
  // `alien`: there is a record that no delivery has caused. `full`: more may follow. `ended`: the
  // last record of the session was reached.
  bool alien = false, full = false, ended = false;
};
Batch collect(Store& store, const Work& work, uint64_t position, uint64_t limit, size_t bytes_max,
              size_t count_max);

// Notes in the session up to which record earlier selectors hold, as far as `through`, and forgets
// the selectors that nothing needs any more.
void pass_selectors(LoggingSession& session, const Batch& batch, uint64_t through);

// Writes one object in the name of the trail; `rider` goes into the same commit. The code of an
// error is that of S3.
Result<Done> put_object(const Ports& ports, const Work& work, const std::string& bucket,
                        const std::string& key, const Headers& headers, std::string body, Time time,
                        const Rider& rider);
// Reads the session again inside a commit. Errors: Conflict when the session or the settings of the
// trail are no longer those of `work`.
Result<LoggingSession> same_session(Staged& staged, const Work& work);
// Notes when something was delivered, and that the error before it is over.
void note_status(Staged& staged, const Work& work, Time DeliveryStatus::* done,
                 std::string DeliveryStatus::* error, Time time);

// Delivers one file to the bucket. False: there is nothing left to do now.
Result<bool> deliver_file(const Ports& ports, const Work& work, bool eager);
// Delivers events to the log group, once. False: there is nothing left to do now.
Result<bool> deliver_events(const Ports& ports, const Work& work);
// Delivers a digest. With `closes` it is the last of its chain.
Result<Done> deliver_digest(const Ports& ports, const Work& work, bool closes);

}  // namespace sluice::cloudtrail
