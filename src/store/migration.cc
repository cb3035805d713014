// SPDX-License-Identifier: Apache-2.0
#include "store/migration.h"

#include <rocksdb/write_batch.h>
#include <spdlog/spdlog.h>

#include "store/jobs.h"

namespace sluice {
namespace {
// Old keys begin with the name of their table, which is a letter. New keys begin with the account,
// which is a digit and sorts before all letters.
constexpr std::string_view kFirstOldKey = "A";
constexpr size_t kBatchBytes = 4 << 20, kBatchKeys = 10'000;

Error cannot_write(const rocksdb::Status& status) {
  return {500,
          "StoreFailure",
          "the data directory could not be brought up to date: " + status.ToString() +
              "; nothing is lost, and it goes on at the next start",
          {}};
}

// Moves the next keys of an iterator in one synced write.
Result<size_t> move_keys(Rocks& rocks, rocksdb::ColumnFamilyHandle* family, rocksdb::Iterator& it) {
  rocksdb::WriteBatch batch;
  size_t moved = 0;
  for (; it.Valid() && moved < kBatchKeys && batch.GetDataSize() < kBatchBytes; it.Next()) {
    batch.Put(family, rocks.on_disk(it.key().ToStringView()), it.value());
    batch.Delete(family, it.key());
    ++moved;
  }
  if (!it.status().ok()) return cannot_write(it.status());
  if (!moved) return moved;
  rocksdb::WriteOptions options;
  options.sync = true;
  if (const auto status = rocks.db->Write(options, &batch); !status.ok())
    return cannot_write(status);
  return moved;
}

}  // namespace

// Turns the events of format 1 into jobs, in their order. An event that cannot be read stays where
// it is, and `sluice verify` names it.
Result<Done> migrate_events(Store& store) {
  constexpr size_t kBatchMax = 1000;
  Span rest = schema::span(schema::prefix(Family::outbox, kOutboxTable, {}));
  while (!rest.low.empty()) {
    Staged staged = store.stage();
    std::string next;
    staged.snapshot().scan(rest, false, [&](std::string_view key, std::string_view value) {
      if (staged.jobs() == kBatchMax) {
        next = key;
        return false;
      }
      const auto parts = schema::parts(key);
      auto event = parse_json_object(value);
      if (!event) {
        spdlog::error(
            "the event {} of {} cannot be read; it is kept and not delivered, see "
            "`sluice verify`",
            parts.at(1), parts.at(0));
        return true;
      }
      // The lane of a function's event is the function. In format 1 the event itself says when a
      // retry is due.
      const Time due = int_of(*event, "due");
      std::string lane = text_of(*event, "function");
      staged.put_off({parts.at(0),
                      std::move(lane),
                      parts.at(1),
                      *std::move(event),
                      0,
                      {Family::outbox, std::string(key)}},
                     due);
      return true;
    });
    if (staged.jobs()) CHECK(store.commit(std::move(staged), {}));
    rest.low = std::move(next);
  }
  return Done{};
}
Result<Done> migrate_keys(Rocks& rocks, const std::function<void()>& progress) {
  size_t moved = 0;
  for (rocksdb::ColumnFamilyHandle* family : rocks.families) {
    rocksdb::ReadOptions once;
    once.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> it(rocks.db->NewIterator(once, family));
    size_t of_family = 0;
    for (it->Seek(kFirstOldKey);;) {
      TRY(const size_t batch, move_keys(rocks, family, *it));
      if (!batch) break;
      of_family += batch;
      if (progress) progress();
      if (const size_t before = std::exchange(moved, moved + batch);
          before / 100'000 != moved / 100'000)
        spdlog::info("{} keys have the account and the Region before them now", moved);
    }
    // Gives back the room that the keys took in their old places.
    const rocksdb::Slice from(kFirstOldKey);
    if (of_family) rocks.db->CompactRange({}, family, &from, nullptr);
  }
  return Done{};
}

}  // namespace sluice
