// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes rejected records, as they came, into the quarantine bucket: <key>/<version>.jsonl, one
// JSON object a line; after 4 MB <key>/<version>.2.jsonl, and so on. Names and bytes depend on the
// object alone, so that processing it again writes the same.
//
//   Quarantine quarantine(connections.quarantine, settings.quarantine_bucket, key, version);
//   quarantine.add(record.index, record.offset, rejection.code, rejection.message, record.text);
//   TRY(const std::string first_file, quarantine.finish());

#include "ingest/aws.h"
#include "ingest/decode.h"
#include "base/thread_safety.h"

namespace sluice::ingest {

constexpr size_t kQuarantineFileBytes = 4 << 20;

class Quarantine {
 public:
  Quarantine(AwsClient& client, std::string bucket, std::string key, std::string version);
  // May be called by any thread. An error comes out of finish().
  void add(uint64_t index, uint64_t offset, const std::string& code, const std::string& message,
           std::string_view text);
  // Writes what is left. Returns the key of the first file; "" when nothing was rejected.
  Result<std::string> finish();
  uint64_t count() const {
    const MutexLock lock(mutex_);
    return count_;
  }

 private:
  Result<Done> flush() SLUICE_REQUIRES(mutex_);
  std::string file_key() const SLUICE_REQUIRES(mutex_);
  AwsClient& client_;
  const std::string bucket_, key_, version_;
  mutable Mutex mutex_;
  std::string lines_ SLUICE_GUARDED_BY(mutex_);
  std::optional<Error> failure_ SLUICE_GUARDED_BY(mutex_);
  uint64_t count_ SLUICE_GUARDED_BY(mutex_) = 0;
  int files_ SLUICE_GUARDED_BY(mutex_) = 0;
};

}  // namespace sluice::ingest
