// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include <filesystem>
#include <thread>

#include "base/bytes.h"
#include "base/files.h"
#include "crypto/crypto.h"
#include "store/committer.h"
#include "store/garbage.h"
#include "store/janitor.h"
#include "store/jobs.h"
#include "store/keyring.h"
#include "store/log.h"
#include "store/migration.h"

namespace sluice {
namespace {
namespace fs = std::filesystem;
Error failure(std::string text) { return {500, "StoreFailure", std::move(text), {}}; }

class RocksStore : public Store {
 public:
  RocksStore(StoreOptions options, int lock_fd, Keyring keys, std::unique_ptr<Rocks> rocks)
      : options_(std::move(options)),
        lock_fd_(lock_fd),
        keys_(std::move(keys)),
        rocks_(std::move(rocks)),
        disk_(options_.data_dir),
        blobs_(options_.data_dir + "/blobs", disk_, options_.clock,
               [this](std::vector<std::string> ids) { janitor_.free(std::move(ids)); }),
        jobs_(*this, options_.clock),
        janitor_(blobs_, jobs_),
        collector_(*rocks_, disk_, jobs_),
        committer_(std::in_place, *rocks_, blobs_, options_.scope, jobs_, followers_, options_) {
    if (options_.read_only) return;
    disk_.low();
    sweep();
    janitor_.start();
    collector_.start();
  }
  ~RocksStore() override {
    jobs_.stop();
    committer_.reset();
    rocks_.reset();
    close(lock_fd_);
  }
  Snapshot snapshot() override { return committer_->snapshot(); }
  Staged stage() override { return committer_->stage(); }
  Result<Receipt> commit(Staged&& staged, std::vector<std::string> records, const Rerun& rerun,
                         Wait wait) override {
    Staged taken = std::move(staged);  // its snapshot is released when this returns
    return committer_->commit(std::move(taken), std::move(records), rerun, wait);
  }
  std::unique_ptr<BlobWriter> write_blob(const Secret& data_key) override {
    return blobs_.write(data_key);
  }
  Result<std::unique_ptr<BlobReader>> read_blob(const BlobRef& blob,
                                                const Secret& data_key) override {
    return blobs_.read(blob, data_key);
  }
  bool wait_past(const Log& log, uint64_t number, std::chrono::steady_clock::time_point until,
                 const std::function<bool()>& stopping) override {
    const auto has_come = [&] { return snapshot().newest(log) > number; };
    return followers_.wait(log.entries(), has_come, until, stopping);
  }
  Jobs& jobs() override { return jobs_; }
  StoreCounts counts() override {
    return {committer_->group().shown(), committer_->sync_us().shown(), janitor_.waiting(),
            rocks_->bytes()};
  }
  std::vector<ActiveReader> readers() override { return blobs_.released().readers(); }
  void audit_scan(const Snapshot& snapshot, uint64_t start,
                  const std::function<bool(uint64_t, std::string_view)>& fn) override {
    snapshot.read(kAuditLog, start, true, [&](uint64_t sequence, std::string_view value) {
      return fn(sequence, value.substr(32));
    });
  }
  void audit_from(const Snapshot& snapshot, uint64_t first,
                  const std::function<bool(uint64_t, std::string_view)>& fn) override {
    snapshot.read(kAuditLog, first, false, [&](uint64_t sequence, std::string_view value) {
      return fn(sequence, value.substr(32));
    });
  }
  std::vector<VerifyFinding> verify() override;
  std::vector<std::string> files() override;
  void scrub(Family family) override {
    if (rocks_->failed) return;
    rocksdb::FlushOptions flush;
    rocksdb::CompactRangeOptions all;
    all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    all.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
    all.blob_garbage_collection_age_cutoff = 1;
    const std::vector<rocksdb::ColumnFamilyHandle*> families(rocks_->families.begin(),
                                                             rocks_->families.end());
    // A file of the log goes when no family needs it, so all families are flushed.
    auto status = rocks_->db->Flush(flush, families);
    if (status.ok())
      status = rocks_->db->CompactRange(all, rocks_->family(family), nullptr, nullptr);
    if (!status.ok())
      spdlog::error("erased data could not be taken off the disk: {}", status.ToString());
  }
  bool disk_is_low() override { return disk_.low(); }
  bool failed() const override { return committer_->failed(); }
  Secret derive_key(std::string_view purpose) override {
    return hkdf_sha256(keys_.master, purpose);
  }
  const Scope& scope() const override { return options_.scope; }

 private:
  // Frees the files that no commit names. A crash between a file and its commit leaves such files,
  // and so does a stop while a released file is still read. What RocksDB's log brought back is in
  // synced tables by now: a power cut cannot undo the release after the file is gone.
  void sweep() {
    const Snapshot now = snapshot();
    std::vector<std::string> unnamed = blobs_.ids();
    std::erase_if(unnamed, [&](const std::string& id) { return now.get(blob_key(id)); });
    janitor_.free(std::move(unnamed));
  }
  const StoreOptions options_;
  const int lock_fd_;
  const Keyring keys_;
  std::unique_ptr<Rocks> rocks_;
  DiskSpace disk_;
  Blobs blobs_;
  Jobs jobs_;
  Janitor janitor_;
  GarbageCollector collector_;
  LogFollowers followers_;
  std::optional<Committer> committer_;
};

std::vector<std::string> RocksStore::files() {
  std::vector<std::string> ids;
  snapshot().scan(schema::prefix(Family::objects, "blob", {}), "", false,
                  [&](std::string_view key, std::string_view) {
                    ids.push_back(schema::parts(key).at(0));
                    return true;
                  });
  return ids;
}

std::vector<VerifyFinding> RocksStore::verify() {
  std::vector<VerifyFinding> findings;
  const Snapshot now = snapshot();
  std::string chain(kChainStart);
  uint64_t expected = 1;
  now.read(kAuditLog, 0, false, [&](uint64_t sequence, std::string_view value) {
    const std::string at = "audit record " + std::to_string(sequence);
    if (sequence != expected)
      findings.push_back(
          {at + ": " + std::to_string(sequence - expected) + " records before it are missing"});
    const std::string hash = value.size() < 32 ? "" : sha256(chain + std::string(value.substr(32)));
    if (hash.empty() || hash != value.substr(0, 32))
      findings.push_back(
          {at + ": its hash does not continue the chain; it, or one before it, was changed"});
    else if (!parse_json_object(value.substr(32)))
      findings.push_back({at + ": cannot be read"});
    chain = value.substr(0, 32);
    expected = sequence + 1;
    return findings.size() < 1000;
  });
  const auto noted = now.get(log_end_key(kAuditLog.entries()));
  if (const uint64_t end = noted ? from_big_endian64(*noted) : 0; end >= expected)
    findings.push_back({"audit records " + std::to_string(expected) + " to " + std::to_string(end) +
                        ", the newest, are missing"});
  now.scan(schema::prefix(Family::objects, "blob", {}), "", false,
           [&](std::string_view key, std::string_view value) {
             const std::string id = schema::parts(key).at(0);
             struct stat facts{};
             if (stat(blobs_.path(id).c_str(), &facts) != 0) {
               findings.push_back({"object file " + id + ": missing"});
               return true;
             }
             const uint64_t plain = std::stoull(std::string(value)),
                            chunks = std::max<uint64_t>(1, (plain + 65535) / 65536);
             if (static_cast<uint64_t>(facts.st_size) != plain + chunks * kAeadTagBytes)
               findings.push_back({"object file " + id + ": has the wrong size"});
             return true;
           });
  now.scan(
      schema::prefix(Family::outbox, kOutboxTable, {}), "", false,
      [&](std::string_view key, std::string_view value) {
        const auto parts = schema::parts(key);
        if (!parse_json_object(value))
          findings.push_back({"event " + parts.at(1) + " of " + parts.at(0) + ": cannot be read"});
        return true;
      });
  now.scan(schema::prefix(Family::outbox, kJobTable, {}), "", false,
           [&](std::string_view key, std::string_view value) {
             if (!decode_job(key, value))
               findings.push_back({"a job of " + schema::parts(key).at(0) + " (" + hex(key) +
                                   "): cannot be read"});
             return true;
           });
  return findings;
}

// Refuses a directory that is used for something else, or that other users may change.
Result<Done> refuse_foreign(const std::string& dir) {
  struct stat facts{};
  if (stat(dir.c_str(), &facts) == 0 && (facts.st_mode & 022))
    return failure("other users may write to the data directory " + dir +
                   "; make it your own first: chmod 700 " + dir);
  if (fs::exists(dir + "/keyring.json")) return Done{};
  for (const auto& entry : fs::directory_iterator(dir)) {
    const std::string name = entry.path().filename();
    if (name != "lock" && name != "keyring.json.new")
      return failure("the data directory " + dir + " is not empty and not of Sluice (it has " +
                     name + "); name another with --data-dir");
  }
  return Done{};
}

// Takes permissions away from other users, which an earlier version or another umask has left.
void shut_out_others(const std::string& dir) {
  const auto owner_only = [](const fs::path& path) {
    std::error_code ignored;
    fs::permissions(path, fs::perms::group_all | fs::perms::others_all, fs::perm_options::remove,
                    ignored);
  };
  owner_only(dir);
  for (const std::string& folder : {dir, dir + "/db"}) {
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator(folder, ignored)) owner_only(file.path());
  }
}
}  // namespace

Result<int> lock_directory(const std::string& dir) {
  const int lock = ::open((dir + "/lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (lock < 0) return failure("cannot write to the data directory " + dir);
  if (flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  close(lock);
  return failure("another server uses the data directory " + dir +
                 "; stop it, or choose another with --data-dir");
}

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
  const std::string& dir = options.data_dir;
  // Where there is no keyring yet, the names of all folders above are synced, also of those that
  // were there: whoever made them may have died before that. Those that this user may not read are
  // of another.
  const bool is_new = access((dir + "/keyring.json").c_str(), F_OK) != 0;
  const auto make = [&](const std::string& folder, mode_t mode) {
    const bool made = mkdir(folder.c_str(), mode) == 0;
    if (!made && errno != EEXIST) return false;
    return !is_new || sync_folder_of(folder) || !made;
  };
  bool is_there = true;
  for (size_t at = dir.find('/', 1); at != std::string::npos; at = dir.find('/', at + 1))
    is_there = is_there && make(dir.substr(0, at), 0755);
  if (!is_there || !make(dir, 0700))
    return failure("cannot make the data directory " + dir + "; choose another with --data-dir");
  CHECK(refuse_foreign(dir));
  TRY(const int lock, lock_directory(dir));
  const auto give_up = [&](Error error) {
    close(lock);
    return error;
  };
  shut_out_others(dir);
  auto keys = open_keyring(dir, options.root_key);
  if (!keys) return give_up(std::move(keys).error());
  const int64_t format = keys->format;
  if (options.read_only && format != kFormatVersion)
    return give_up(failure("the data directory " + dir + " has format " + std::to_string(format) +
                           "; start `sluice serve` on it once, which brings it to format " +
                           std::to_string(kFormatVersion)));
  if (format != kFormatVersion)
    if (auto begun = begin_format(dir, format); !begun) return give_up(std::move(begun).error());
  auto rocks = open_rocks(dir + "/db", keys->store, options.scope);
  if (!rocks) return give_up(std::move(rocks).error());
  // The keyring, the database and the files of objects are in the directory to stay.
  const std::string blobs = dir + "/blobs";
  if ((mkdir(blobs.c_str(), 0700) != 0 && errno != EEXIST) || !sync_folder_of(blobs))
    return give_up(failure("cannot write to the data directory " + dir));
  if (format < kFormatWithScope)
    if (auto moved = migrate_keys(**rocks,
                                  [&] {
                                    if (options.crash_point) options.crash_point("migrating");
                                  });
        !moved)
      return give_up(std::move(moved).error());
  std::unique_ptr<Store> store =
      std::make_unique<RocksStore>(options, lock, *std::move(keys), *std::move(rocks));
  if (format == kFormatVersion) return store;
  CHECK(migrate_events(*store));
  CHECK(end_format(dir));
  return store;
}

}  // namespace sluice
