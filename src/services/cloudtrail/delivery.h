// SPDX-License-Identifier: Apache-2.0
#pragma once
// Delivery: of every span of logging ("session") the committed audit records that its trail
// selects, as gzip files into the bucket, as log events into the log group, and a signed digest
// each interval. docs/audit.md, docs/decisions/0003
#include "services/cloudtrail/model.h"

namespace sluice::cloudtrail {

constexpr size_t kFileBytesMax =
    4 << 20;  // of records in one log file, before gzip; AWS: 50 MB after it
constexpr size_t kRecordsPerFileMax = 100'000;  // looked at, selected or not
constexpr int64_t kRetryMinMs = 1000, kRetryMaxMs = 60'000, kGiveUpMs = 24 * 3'600'000;

struct Intervals {
  int64_t deliver_ms = 300'000, digest_ms = 3'600'000;
};

class Delivery : public Trails {
 public:
  virtual void start() = 0;  // as recurring work of the store's jobs
};
std::unique_ptr<Delivery> delivery(const Ports& ports, const Intervals& intervals);

// One session as a worker sees it.
struct Work {
  std::string name, id;
  LoggingSession session;
  Trail trail;
  bool deleted = false;  // the trail is gone: `trail` is what it was
  RecordKey<LoggingSession> key() const { return session_key(name, id); }
};
// What was delivered, a LogFile or a Digest, of one trail or ("") of all, oldest first of each.
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

// Audit records from a position on (to `limit`; 0: all), as the session selects them. A delivery's
// own records open no file: they go with the next one.
struct Batch {
  struct Taken {
    uint64_t sequence;
    std::string time, text;
  };
  std::vector<Taken> taken;
  size_t bytes = 0;
  uint64_t through = 0,
           began =
               0;  // audit sequence reached; where the session's first record was found, if in here
  std::vector<std::pair<std::string, uint64_t>>
      changes;  // of selectors: request id, audit sequence
  bool alien = false, full = false,
       ended = false;  // holds a record that is not a delivery's own; more may follow; the
                       // session's last record was reached
};
Batch collect(Store& store, const Work& work, uint64_t position, uint64_t limit, size_t bytes_max,
              size_t count_max);

// Notes in the session which earlier selectors are behind it, up to `through`; forgets those that
// nothing needs any more.
void pass_selectors(LoggingSession& session, const Batch& batch, uint64_t through);

std::string gzip(std::string_view text);
// Writes one object in the trail's name; `rider` commits with it. The error's code is S3's.
Result<Done> put_object(const Ports& ports, const Work& work, const std::string& bucket,
                        const std::string& key, const Headers& headers, std::string body, Time time,
                        const Rider& rider);
// Reads the session again inside a commit; Conflict when it is not what `work` was made from.
// Settings of a trail must not have changed either.
Result<LoggingSession> same_session(Staged& staged, const Work& work);
// Notes when something was delivered; what kept it before is over.
void note_status(Staged& staged, const Work& work, Time DeliveryStatus::* done,
                 std::string DeliveryStatus::* error, Time time);

// Each delivers once; false: nothing is left to do now.
Result<bool> deliver_file(const Ports& ports, const Work& work, bool eager);
Result<bool> deliver_events(const Ports& ports, const Work& work);  // log group
Result<Done> deliver_digest(const Ports& ports, const Work& work,
                            bool closes);  // closes: the chain ends with it

}  // namespace sluice::cloudtrail
