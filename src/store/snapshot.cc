// SPDX-License-Identifier: Apache-2.0
#include "store/snapshot.h"

#include <algorithm>

#include "store/rocks.h"

namespace sluice {
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
  KnownValues* known = state_->rocks.known(key.family);
  if (known)
    if (auto found = known->find(key.bytes, form.type, state_->commit)) return *std::move(found);
  const auto text = value_of(*state_, key);
  std::shared_ptr<const void> decoded = text ? form.decode(*text) : nullptr;
  if (known) known->keep(key.bytes, form.type, state_->commit, decoded, text ? text->size() : 0);
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
    return state_->rocks.known_metadata.writes.unchanged(table, read_at, state_->commit);
  });
}

}  // namespace sluice
