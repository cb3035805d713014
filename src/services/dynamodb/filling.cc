// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/filling.h"

#include "services/dynamodb/index.h"
#include "services/dynamodb/write_item.h"

namespace sluice::dynamodb {
namespace {
constexpr size_t kBatchItemsMax = 200;
constexpr size_t kBatchBytesMax = 8 << 20;  // of items and of their entries in indexes
}  // namespace

Filler::Filler(const Ports& ports, const Table& table, std::string name)
    : ports_(ports), table_(table), name_(std::move(name)) {}

Result<Done> Filler::add(json::object item) {
  CHECK(table_.key_of(item, false));
  CHECK(check_index_keys(table_, item));
  bytes_ += item_bytes(item) * (1 + table_.indexes().size());
  batch_.push_back(std::move(item));
  return Done{};
}
bool Filler::full() const { return batch_.size() >= kBatchItemsMax || bytes_ >= kBatchBytesMax; }

Result<Done> Filler::stage(Staged& staged) const {
  const auto there = staged.look(table_key(name_));
  if (!there || there->id != table_.id()) return no_table(name_);
  for (const json::object& item : batch_) {
    TRY(Key key, table_.key_of(item, false));
    OldItem old(table_, std::move(key), staged);
    CHECK(write_item(old, &item));
  }
  return Done{};
}
Result<Done> Filler::write(const More& more) {
  const auto written = commit_until_done(ports_, [&](Staged& staged) {
    more(staged);
    return stage(staged);
  });
  batch_.clear();
  bytes_ = 0;
  return written;
}

Result<Done> end_filling(const Ports& ports, const std::string& name, const std::string& table_id,
                         bool whole, const Filler::More& more) {
  return commit_until_done(ports, [&](Staged& staged) -> Result<Done> {
    auto table = staged.get(table_key(name));
    if (table && table->id == table_id) {
      if (whole) {
        table->filled_by.clear();
        staged.put(table_key(name), *table);
      } else {
        erase_table(*table, staged);
      }
    }
    more(staged);
    return Done{};
  });
}

Result<Done> commit_until_done(const Ports& ports,
                               const std::function<Result<Done>(Staged&)>& stage) {
  while (true) {
    Staged staged = ports.store->stage();
    CHECK(stage(staged));
    const auto committed = ports.store->commit(std::move(staged), {});
    if (committed) return Done{};
    if (committed.error().code != "Conflict") return committed.error();
  }
}

}  // namespace sluice::dynamodb
