// SPDX-License-Identifier: Apache-2.0
#include "store/rocks.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <cerrno>
#include <filesystem>

#include "base/bytes.h"
#include "base/random.h"
#include "store/encryption.h"
#include "store/jobs.h"
#include "store/log.h"

// RocksDB calls this for each file that it makes, to learn whether writes can be spread out, which
// we do not want. When the disk answers with an error, Debian's RocksDB ends the process. So we
// tell it that the system has no such call.
extern "C" int sync_file_range(int, off64_t, off64_t, unsigned) {
  errno = ENOSYS;
  return -1;
}

namespace sluice {
namespace {
constexpr std::array<const char*, kFamilies> kNames = {"default", "objects", "items",  "outbox",
                                                       "audit",   "logs",    "metrics"};
// RocksDB's log of messages would be plaintext in the data directory, so there is none.
class NoLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};
}  // namespace

std::vector<std::pair<std::string_view, uint64_t>> Rocks::bytes() const {
  std::vector<std::pair<std::string_view, uint64_t>> out;
  for (size_t i = 0; i < kFamilies; ++i) {
    uint64_t sum = 0, one = 0;
    for (const char* property : {"rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables"})
      if (db->GetIntProperty(families[i], property, &one)) sum += one;
    out.emplace_back(kNames[i], sum);
  }
  return out;
}

Rocks::~Rocks() {
  // After this the next start has no log to replay. It may fail, because all of it is in the log.
  const std::vector<rocksdb::ColumnFamilyHandle*> all(families.begin(), families.end());
  if (db && all.front()) db->Flush({}, all);
  for (auto* handle : families)
    if (handle) db->DestroyColumnFamilyHandle(handle);
}

namespace {
// A power cut can leave a log that is shorter than its own encryption prefix. The prefix is synced
// with the first commit, so such a file has nothing that was acknowledged. RocksDB 7.8 ends the
// process when it finds one.
void drop_unbegun_logs(const std::string& dir) {
  std::error_code ignored;
  for (const auto& file : std::filesystem::directory_iterator(dir, ignored))
    if (file.path().extension() == ".log" && file.file_size(ignored) < kFilePrefixBytes)
      std::filesystem::remove(file.path(), ignored);
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
  options.max_open_files = 256;
  options.max_background_jobs = 2;
  options.db_write_buffer_size = 24 << 20;
  options.max_total_wal_size = 48 << 20;
  options.keep_log_file_num = 1;
  options.stats_dump_period_sec = options.stats_persist_period_sec = 0;
  rocksdb::ColumnFamilyOptions family;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(16 << 20);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = 16 << 20;
  family.compression = rocksdb::kLZ4Compression;
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const char* name : kNames) descriptors.emplace_back(name, family);
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  drop_unbegun_logs(dir);
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

namespace {
std::optional<std::string> value_of(const StoreState& state, const Key& key) {
  rocksdb::ReadOptions options;
  options.snapshot = state.snapshot;
  std::string value;
  const rocksdb::Status status = state.rocks.db->Get(options, state.rocks.family(key.family),
                                                     state.rocks.on_disk(key.bytes), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) throw std::runtime_error("the store cannot be read: " + status.ToString());
  return value;
}
}  // namespace
std::optional<std::string> Snapshot::get(const Key& key) const {
  if (key.family != Family::meta) return value_of(*state_, key);
  static constexpr Form kText{"text", [](std::string_view stored) -> std::shared_ptr<const void> {
                                return std::make_shared<const std::string>(stored);
                              }};
  const auto text = std::static_pointer_cast<const std::string>(value(key, kText));
  return text ? std::optional(*text) : std::nullopt;
}
std::shared_ptr<const void> Snapshot::value(const Key& key, const Form& form) const {
  const bool kept = key.family == Family::meta;
  KnownValues& known = state_->rocks.known;
  if (kept)
    if (auto found = known.find(key.bytes, form.type, state_->commit)) return *std::move(found);
  const auto text = value_of(*state_, key);
  std::shared_ptr<const void> decoded = text ? form.decode(*text) : nullptr;
  if (kept) known.keep(key.bytes, form.type, state_->commit, decoded, text ? text->size() : 0);
  return decoded;
}
void Snapshot::scan(const Key& prefix, std::string_view start, bool backwards,
                    const std::function<bool(std::string_view, std::string_view)>& fn) const {
  Span span = schema::span(prefix);
  if (!start.empty() && backwards)
    span.high = std::min(span.high, std::string(start) + '\0');  // so `start` is included
  else if (!start.empty())
    span.low = std::max(span.low, std::string(start));
  scan(span, backwards, fn);
}
void Snapshot::scan(const Span& span, bool backwards,
                    const std::function<bool(std::string_view, std::string_view)>& fn) const {
  if (span.low >= span.high) return;
  rocksdb::ReadOptions options;
  options.snapshot = state_->snapshot;
  const size_t place = state_->rocks.place(span.low).size();
  const std::string first = state_->rocks.on_disk(span.low),
                    end = std::string(state_->rocks.place(span.low)) + span.high;
  const rocksdb::Slice low(first), high(end);
  options.iterate_lower_bound = &low;
  options.iterate_upper_bound = &high;
  std::unique_ptr<rocksdb::Iterator> it(
      state_->rocks.db->NewIterator(options, state_->rocks.family(span.family)));
  for (backwards ? it->SeekToLast() : it->SeekToFirst(); it->Valid();
       backwards ? it->Prev() : it->Next())
    if (!fn(it->key().ToStringView().substr(place), it->value().ToStringView())) return;
  if (!it->status().ok())
    throw std::runtime_error("the store cannot be read: " + it->status().ToString());
}
const Scope& Snapshot::scope() const { return state_->scope; }
std::shared_ptr<const void> Snapshot::hold_files() const { return state_->files; }
Attachments& Snapshot::attachments() const { return state_->rocks.attachments; }
uint64_t Snapshot::commit() const { return state_->commit; }
bool Snapshot::unchanged_since(uint64_t read_at,
                               std::initializer_list<std::string_view> tables) const {
  return std::all_of(tables.begin(), tables.end(), [&](std::string_view table) {
    return state_->rocks.known.writes.unchanged(table, read_at, state_->commit);
  });
}

namespace {
// What this request, or one before it in the same commit, writes under the key; nullptr: nothing.
const std::optional<std::string>* uncommitted(const Staged::Data& data, const Key& key) {
  const std::pair<Family, std::string> place{key.family, key.bytes};
  if (const auto own = data.writes.find(place); own != data.writes.end()) return &own->second;
  for (auto other = data.ahead.rbegin(); other != data.ahead.rend(); ++other)
    if (const auto theirs = (*other)->writes.find(place); theirs != (*other)->writes.end())
      return &theirs->second;
  return nullptr;
}
}  // namespace
std::optional<std::string> Staged::get(const Key& key) {
  if (const auto* written = uncommitted(*data_, key)) return *written;
  data_->reads.emplace_back(key.family, key.bytes);
  return data_->snapshot.get(key);
}
std::shared_ptr<const void> Staged::value(const Key& key, const Snapshot::Form& form) {
  if (const auto* written = uncommitted(*data_, key))
    return *written ? form.decode(**written) : nullptr;
  data_->reads.emplace_back(key.family, key.bytes);
  return data_->snapshot.value(key, form);
}
void Staged::put(const Key& key, std::string value) {
  data_->writes[{key.family, key.bytes}] = std::move(value);
}
void Staged::erase(const Key& key) { data_->writes[{key.family, key.bytes}] = std::nullopt; }
void Staged::expect_empty(const Key& prefix) { data_->empty_prefixes.push_back(prefix); }
void Staged::append(const Log& log, std::string value) {
  data_->appended.push_back({log.entries(), log.entries(), std::move(value), false});
}
namespace {
Appended job_entry(const Job& job, Time due) {
  return {schema::prefix(Family::outbox, kJobTable, {}),
          schema::prefix(Family::outbox, kJobTable,
                         {job.queue, job.lane, big_endian64(static_cast<uint64_t>(due))}),
          encode_job(job), true};
}
}  // namespace
std::string Staged::enqueue(NewJob job) {
  Job made{
      std::string(job.queue), std::move(job.lane), random_hex(24), std::move(job.event), 0, {}};
  data_->appended.push_back(job_entry(made, job.due));
  return made.id;
}
void Staged::finish(const Job& job) {
  erase(job.key);
  data_->finished.push_back(job.key);
}
void Staged::put_off(const Job& job, Time due) {
  finish(job);
  data_->appended.push_back(job_entry(job, due));
}
void Staged::update(const Job& job) { put(job.key, encode_job(job)); }
size_t Staged::jobs() const { return data_->appended.size(); }
void Staged::adopt(const BlobRef& blob) {
  put(blob_key(blob.id), std::to_string(blob.bytes));
  data_->adopted.push_back(blob);
}
void Staged::release(const BlobRef& blob) {
  erase(blob_key(blob.id));
  data_->released.push_back(blob);
}
void Staged::after_commit(std::function<void()> fn) { data_->after.push_back(std::move(fn)); }
const Snapshot& Staged::snapshot() const { return data_->snapshot; }
size_t Staged::place() const { return data_->ahead.size(); }

}  // namespace sluice
