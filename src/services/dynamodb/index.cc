// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/index.h"

#include <algorithm>

#include "base/bytes.h"
#include "services/dynamodb/write_item.h"
#include "store/jobs.h"

namespace sluice::dynamodb {
namespace {
// The attributes of an index's key, with what they are for.
std::vector<std::pair<KeyAttribute, bool>> key_attributes_of(const IndexRecord& index) {
  std::vector<std::pair<KeyAttribute, bool>> out{{{index.hash, index.hash_type}, true}};
  if (!index.range.empty()) out.push_back({{index.range, index.range_type}, false});
  return out;
}
Result<Done> check_index_key(const IndexRecord& index, const KeyAttribute& attribute, bool is_hash,
                             const json::value& value, bool updated) {
  const std::string type = type_of(value);
  if (type != attribute.type)
    return validation("One or more parameter values were invalid: Type mismatch for Index Key " +
                      attribute.name + " Expected: " + attribute.type + " Actual: " + type +
                      " IndexName: " + index.name);
  const auto encoded = encode_key(attribute, value, is_hash);
  if (encoded) return Done{};
  if (!sortable(value).empty()) return encoded.error();
  const std::string kind = type == "S" ? "string" : "binary";
  const std::string empty =
      "The AttributeValue for a key attribute cannot contain an empty " + kind + " value.";
  return validation(
      updated ? "One or more parameter values are not valid. The update expression attempted to "
                "update a secondary index key to a value that is not supported. " +
                    empty
              : "One or more parameter values are not valid. A value specified for a secondary "
                "index key is not supported. " +
                    empty + " IndexName: " + index.name + ", IndexKey: " + attribute.name);
}
}  // namespace

const IndexRecord* find_index(const std::vector<IndexRecord>& indexes, std::string_view name) {
  for (const IndexRecord& index : indexes)
    if (index.name == name) return &index;
  return nullptr;
}
KeySpace keys_of(const IndexRecord& index) {
  return {"x", index.id, {index.hash, index.hash_type}, {index.range, index.range_type}};
}
bool projects(const IndexRecord& index, const Table& table, std::string_view attribute) {
  return index.projection == "ALL" || attribute == index.hash || attribute == index.range ||
         attribute == table.keys().hash.name || attribute == table.keys().range.name ||
         std::find(index.included.begin(), index.included.end(), attribute) != index.included.end();
}

Result<Done> check_index_keys(const Table& table, const json::object& item, bool updated) {
  const IndexRecord* first = nullptr;
  Result<Done> fault = Done{};
  for (const IndexRecord& index : table.indexes())
    for (const auto& [attribute, is_hash] : key_attributes_of(index)) {
      const json::value* value = item.if_contains(attribute.name);
      if (!value || (first && first->name <= index.name)) continue;
      auto checked = check_index_key(index, attribute, is_hash, *value, updated);
      if (checked) continue;
      first = &index;
      fault = std::move(checked);
    }
  return fault;
}

std::optional<Key> entry_key(const Table& table, const IndexRecord& index,
                             const json::object& item) {
  std::string bytes[4];
  size_t count = 0;
  const auto add = [&](const KeyAttribute& attribute, bool is_hash) {
    const json::value* value = item.if_contains(attribute.name);
    auto encoded = value ? encode_key(attribute, *value, is_hash) : Result<std::string>(Error{});
    if (!encoded) return false;
    bytes[count++] = *std::move(encoded);
    return true;
  };
  for (const auto& [attribute, is_hash] : key_attributes_of(index))
    if (!add(attribute, is_hash)) return std::nullopt;
  if (!add(table.keys().hash, true)) return std::nullopt;
  if (!table.keys().range.name.empty() && !add(table.keys().range, false)) return std::nullopt;
  const auto& b = bytes;
  return count == 2   ? schema::key(Family::items, "x", {index.id, b[0], b[1]})
         : count == 3 ? schema::key(Family::items, "x", {index.id, b[0], b[1], b[2]})
                      : schema::key(Family::items, "x", {index.id, b[0], b[1], b[2], b[3]});
}
json::object entry_of(const Table& table, const IndexRecord& index, const json::object& item) {
  if (index.projection == "ALL") return item;
  json::object entry;
  for (const auto& [name, value] : item)
    if (projects(index, table, name)) entry[name] = value;
  return entry;
}
void write_entries(const Table& table, const json::object* before, const json::object* after,
                   Staged& staged) {
  for (const IndexRecord& index : table.indexes()) {
    const auto old_key = before ? entry_key(table, index, *before) : std::nullopt;
    const auto key = after ? entry_key(table, index, *after) : std::nullopt;
    if (old_key && old_key != key) staged.erase(*old_key);
    if (!key) continue;
    const json::object entry = entry_of(table, index, *after);
    // An index that is being filled may lack the entry of the old item.
    if (old_key == key && !index.backfilling && entry == entry_of(table, index, *before)) continue;
    staged.put(*key, table.seal(*key, entry));
  }
}
json::object entry_key_attributes(const Table& table, const IndexRecord& index,
                                  const json::object& entry) {
  json::object key = table.key_attributes(entry);
  key[index.hash] = entry.at(index.hash);
  if (!index.range.empty()) key[index.range] = entry.at(index.range);
  return key;
}

namespace {
constexpr size_t kBackfillBatchMax = 200, kContendedBatchMax = 10;

// Some items of the table, which get their entries in one commit.
struct Part {
  std::vector<std::string> keys;
  std::string next;  // the first key after them; "": there is none
};
Part next_part(const Table& table, const BackfillEvent& progress, size_t most,
               const Snapshot& snapshot) {
  Part part;
  Span span = schema::span(table.keys().all());
  if (const auto next = unbase64(progress.next_base64); next && !next->empty()) span.low = *next;
  snapshot.scan(span, false, [&](std::string_view key, std::string_view) {
    if (part.keys.size() == most) {
      part.next = key;
      return false;
    }
    part.keys.emplace_back(key);
    return true;
  });
  return part;
}
auto is_of(const BackfillEvent& progress) {
  return [&progress](const IndexRecord& one) { return one.id == progress.index_id; };
}
// The entries of a part, and how far the job is then. False: the table or the index is gone, or
// cannot be opened.
bool stage_part(const Part& part, const BackfillEvent& progress, const Job& job, const Ports& ports,
                Staged& staged) {
  auto record = staged.get(table_key(progress.table));
  const auto table = Table::open(progress.table, staged, ports);
  if (!record || !table) return false;
  const auto index = std::find_if(record->indexes.begin(), record->indexes.end(), is_of(progress));
  if (index == record->indexes.end()) return false;
  for (const std::string& key : part.keys) {
    OldItem old(*table, {Family::items, key}, staged);
    const auto item = old.read();
    if (!item || !*item) continue;
    if (const auto entry = entry_key(*table, *index, **item))
      staged.put(*entry, table->seal(*entry, entry_of(*table, *index, **item)));
  }
  if (part.next.empty()) {
    index->backfilling = false;
    staged.put(table_key(progress.table), *record);
    staged.finish(job);
    return true;
  }
  Job further = job;
  BackfillEvent so_far = progress;
  so_far.next_base64 = base64(part.next);
  further.event = members_of(so_far);
  staged.update(further);
  return true;
}

// The next items of the table get their entries, and the job notes how far it is. When somebody
// writes them meanwhile, a few of them are read again in the commit itself: so no writer holds it
// up, and it does not hold up the writers for long. False: it cannot be done now.
bool fill_some(Ports& ports, Job& job, BackfillEvent& progress, bool& contended, bool& done) {
  Store& store = *ports.store;
  Staged staged = store.stage();
  const auto record = staged.look(table_key(progress.table));
  done = !record || std::none_of(record->indexes.begin(), record->indexes.end(), is_of(progress));
  if (done) {  // the table or the index was deleted
    staged.finish(job);
    return store.commit(std::move(staged), {}).has_value();
  }
  const auto table = Table::open(progress.table, staged, ports);
  if (!table) return false;  // its KMS key cannot be used now
  const Part part = next_part(*table, progress, contended ? kContendedBatchMax : kBackfillBatchMax,
                              staged.snapshot());
  bool was_staged = stage_part(part, progress, job, ports, staged);
  const Rerun again = [&](Staged& fresh) {
    was_staged = stage_part(part, progress, job, ports, fresh);
    return std::vector<std::string>();
  };
  const auto committed = store.commit(std::move(staged), {}, contended ? again : Rerun());
  contended = !committed;
  if (!committed) return committed.error().code == "Conflict";
  if (!was_staged) return true;  // the next look says why
  done = part.next.empty();
  progress.next_base64 = base64(part.next);
  job.event = members_of(progress);
  return true;
}
}  // namespace

void start_backfill(Ports& ports) {
  ports.store->jobs().serve(
      {.name = "dynamodb.backfill", .work = [&ports](const Job& asked, const Stopping& stopping) {
         Job job = asked;
         auto progress = members_from<BackfillEvent>(job.event);
         for (bool contended = false, done = false; !done && !stopping();)
           if (!fill_some(ports, job, progress, contended, done))
             return JobResult::park("the table " + progress.table + " cannot be read");
         return JobResult::finished();
       }});
}

}  // namespace sluice::dynamodb
