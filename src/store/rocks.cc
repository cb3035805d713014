// SPDX-License-Identifier: Apache-2.0
#include "store/rocks.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/crc.h"
#include "store/encryption.h"
#include "store/jobs.h"
#include "store/log.h"
#include "store/wal_files.h"

// RocksDB calls this while it writes a table or a blob file, so that the bytes go to the disk
// little by little (bytes_per_sync), and without flags for each file that it makes, to learn
// whether it can. Any answer to that question but that the system has no such call makes Debian's
// RocksDB end the process. Errors of the other calls fail what is being written, as they should.
extern "C" int sync_file_range(int fd, off64_t offset, off64_t bytes, unsigned flags) {
  const long answer = syscall(SYS_sync_file_range, fd, offset, bytes, flags);
  if (answer < 0 && flags == 0) errno = ENOSYS;
  return static_cast<int>(answer);
}

// The checksum of every record of the log and of every body in a blob file. Debian's package is
// built for any processor of the last twenty years and computes it by tables: an eighth of the
// processor time of an upload of 64 KiB. A library that is linked to itself keeps its own.
namespace rocksdb::crc32c {
uint32_t Extend(uint32_t crc, const char* data, size_t bytes);
uint32_t Extend(uint32_t crc, const char* data, size_t bytes) {
  return ~static_cast<uint32_t>(sluice::crc32c().update(~crc, {data, bytes}));
}
}  // namespace rocksdb::crc32c

namespace sluice {
namespace {
constexpr std::array<const char*, kFamilies> kNames = {"default", "objects", "items",  "outbox",
                                                       "audit",   "logs",    "metrics"};
// From this size on the value of an object's version stands in a blob file.
constexpr uint64_t kBlobBytesMin = 1024;
// The live bytes of one file at least must fit on the disk to free what else is in it.
constexpr uint64_t kBlobFileBytes = 32 << 20;
// The size of a table of objects, which holds keys and what listings show, and how much of them one
// job of a compaction takes. As much must fit on the disk until what the job has read can go, also
// when little is free and much is deleted. The first level is written anew at once, so it is small.
constexpr uint64_t kObjectTableBytes = 16 << 20, kObjectJobBytes = 2 * kObjectTableBytes,
                   kObjectFirstLevelBytes = 4 * kObjectTableBytes;
// Below the size from which the allocator asks the kernel for fresh pages each time.
constexpr size_t kFileBufferBytes = 256 << 10;
// A table of 64 MiB that is written all at once when it is finished holds up the sync of the log,
// and with it all writers, by 40 ms: it stands before it in the queue of the disk.
constexpr uint64_t kTableBytesPerWrite = 1 << 20;
// Tables and blob files that stay open. An eighth of the descriptors of the process: connections
// may take three quarters, and commands that run beside no server have the system's usual 1,024.
int open_files_max() {
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  return static_cast<int>(std::clamp<rlim_t>(descriptors.rlim_cur / 8, 256, 4096));
}
// RocksDB's log of messages would be plaintext in the data directory, so there is none.
class NoLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};
// When there is room again RocksDB would go on by itself after a failed write or sync, and flush
// what it has in memory: family by family, of a commit that was not acknowledged and whose log may
// be lost. The store is opened anew instead (decision 0005).
class NoRecovery : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
};
}  // namespace

std::vector<std::pair<std::string_view, uint64_t>> Rocks::bytes() const {
  std::vector<std::pair<std::string_view, uint64_t>> out;
  for (size_t i = 0; i < kFamilies; ++i) {
    uint64_t sum = 0, one = 0;
    for (const char* property : {"rocksdb.total-sst-files-size", "rocksdb.total-blob-file-size",
                                 "rocksdb.cur-size-all-mem-tables"})
      if (db->GetIntProperty(families[i], property, &one)) sum += one;
    out.emplace_back(kNames[i], sum);
  }
  return out;
}

Rocks::~Rocks() {
  // After this the next start has no log to replay. It may fail, because all of it is in the log;
  // where that failed, what is in memory must not come into the tables by halves.
  const std::vector<rocksdb::ColumnFamilyHandle*> all(families.begin(), families.end());
  if (db && all.front() && !failed) db->Flush({}, all);
  for (auto* handle : families)
    if (handle) db->DestroyColumnFamilyHandle(handle);
}

namespace {
// A file that is no longer than its own encryption prefix has nothing that was acknowledged.
// RocksDB 7.8 ends the process when it meets a shorter one (a power cut leaves such logs, tables
// and manifests), and begins an empty log a second time, behind the first prefix: a process that
// dies then leaves a log that often reads as a broken one. What CURRENT names is never so short.
void drop_unbegun_files(const std::string& dir) {
  const auto files = with_wal_files(rocksdb::FileSystem::Default());
  std::error_code ignored;
  for (const auto& file : std::filesystem::directory_iterator(dir, ignored)) {
    const auto name = file.path().filename();
    uint64_t bytes = 0;
    if (name != "CURRENT" && name != "LOCK" && file.is_regular_file(ignored) &&
        files->GetFileSize(file.path(), {}, &bytes, nullptr).ok() && bytes <= kFilePrefixBytes)
      std::filesystem::remove(file.path(), ignored);
  }
}
}  // namespace

namespace {
// Whether the key has no Region before it. Buckets and roles have one name in the whole account,
// and jobs, logs and files belong to the store itself.
bool of_account(std::string_view key) {
  const std::string_view table = key.substr(0, key.find('\0'));
  constexpr std::string_view kTables[] = {"blob", "job", "log.end", "audit", "outbox"};
  return table.starts_with("iam.") || table.starts_with("s3.") ||
         std::find(std::begin(kTables), std::end(kTables), table) != std::end(kTables);
}
}  // namespace
const std::string& Rocks::place(std::string_view key) const {
  return of_account(key) ? account : region;
}

Result<std::unique_ptr<Rocks>> open_rocks(const std::string& dir, const Secret& store_key,
                                          const Scope& scope) {
  auto rocks = std::make_unique<Rocks>();
  rocks->account = schema::part(scope.account_id);
  rocks->region = rocks->account + schema::part(scope.region);
  rocks->env = encrypted_env(store_key);
  rocksdb::DBOptions options;
  options.env = rocks->env.get();
  options.create_if_missing = options.create_missing_column_families = true;
  options.info_log = std::make_shared<NoLog>();
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.listeners.push_back(std::make_shared<NoRecovery>());
  options.max_open_files = open_files_max();
  // A flush and one compaction. Only when writers would soon have to wait there are three, since
  // the one may be the garbage collector's.
  options.max_background_jobs = 4;
  options.writable_file_max_buffer_size = kFileBufferBytes;
  options.bytes_per_sync = kTableBytesPerWrite;
  options.db_write_buffer_size = 40 << 20;
  options.max_total_wal_size = 80 << 20;
  options.keep_log_file_num = 1;
  options.stats_dump_period_sec = options.stats_persist_period_sec = 0;
  rocksdb::ColumnFamilyOptions family;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(16 << 20);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // Indexes and filters stay in memory, about three bytes an item: in the cache a few reads of data
  // drive them out, and each read then brings back and decrypts hundreds of kilobytes.
  table.cache_index_and_filter_blocks = false;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = 32 << 20;
  family.compression = rocksdb::kLZ4Compression;
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const char* name : kNames) descriptors.emplace_back(name, family);
  // A commit inserts its keys in their order (committer.cc): each search begins where the one
  // before it ended. All keys have one prefix here, of no bytes, so there is one such place. Keys
  // of logs only grow, and need no search anyway. (DeleteRange must not be used on these two:
  // RocksDB 7.8 would take the place for one in another list.)
  for (const Family one : {Family::objects, Family::items})
    descriptors[static_cast<size_t>(one)].options.memtable_insert_with_hint_prefix_extractor.reset(
        rocksdb::NewFixedPrefixTransform(0));
  // An item is sealed, and what its key has in common with the one before it is not stored: there
  // is nothing left to compress.
  descriptors[static_cast<size_t>(Family::items)].options.compression = rocksdb::kNoCompression;
  // Bodies are written once. In tables compaction would write them again and again, and the tables
  // of a large store would not fit into any cache. The garbage collector (garbage.h) frees them.
  rocksdb::ColumnFamilyOptions& objects = descriptors[static_cast<size_t>(Family::objects)].options;
  objects.enable_blob_files = true;
  objects.min_blob_size = kBlobBytesMin;
  objects.blob_file_size = kBlobFileBytes;
  objects.target_file_size_base = kObjectTableBytes;
  objects.max_compaction_bytes = kObjectJobBytes;
  objects.max_bytes_for_level_base = kObjectFirstLevelBytes;
  objects.blob_cache = table.block_cache;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  drop_unbegun_files(dir);
  const rocksdb::Status status = rocksdb::DB::Open(options, dir, descriptors, &handles, &db);
  if (!status.ok())
    return Error{
        500, "StoreFailure", "cannot open the store in " + dir + ": " + status.ToString(), {}};
  rocks->db.reset(db);
  std::copy(handles.begin(), handles.end(), rocks->families.begin());
  return rocks;
}

Key log_end_key(const Key& log) {
  const char family = static_cast<char>('0' + static_cast<int>(log.family));
  return schema::key(Family::outbox, "log.end", {std::string_view(&family, 1), log.bytes});
}
Key blob_key(const std::string& id) { return schema::key(Family::objects, "blob", {id}); }

}  // namespace sluice
