// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/change_log.h"

#include "base/bytes.h"
#include "services/dynamodb/codec.h"

namespace sluice::dynamodb {
namespace {
constexpr size_t kTimeBytes = 8, kHeadBytes = kTimeBytes + 2;

// What stands before the sealed part of an entry.
std::string head_of(Time time, By by, const std::string& stream_id) {
  std::string head = big_endian64(static_cast<uint64_t>(time));
  head += static_cast<char>(by);
  head += static_cast<char>(stream_id.size());
  return head + stream_id;
}
Time time_of(std::string_view entry) {
  return static_cast<Time>(from_big_endian64(entry.substr(0, kTimeBytes)));
}
std::string bound_to(const Table& table, std::string_view head) {
  return "a change of table " + table.id() + " " + std::string(head);
}
std::string encoded(const json::object* item) { return item ? encode_item(*item) : ""; }
Result<std::optional<json::object>> decoded(std::string_view bytes) {
  if (bytes.empty()) return std::optional<json::object>();
  TRY(json::object item, decode_item(bytes, json_arena(bytes.size() * 4)));
  return std::optional(std::move(item));
}
Result<Change> open_change(const Table& table, uint64_t number, std::string_view entry) {
  const std::string_view stream = stream_of_change(entry);
  const std::string_view head = entry.substr(0, kHeadBytes + stream.size());
  Change change{number, time_of(entry), std::string(stream), By{entry[kTimeBytes]}, {}, {}};
  TRY(const std::string plain, table.open_text(entry.substr(head.size()), bound_to(table, head)));
  const std::string_view items = std::string_view(plain).substr(8);
  const uint64_t before_bytes = from_big_endian64(std::string_view(plain).substr(0, 8));
  TRY(change.before, decoded(items.substr(0, before_bytes)));
  TRY(change.after, decoded(items.substr(before_bytes)));
  return change;
}
// The time of the first entry from a number on; nullopt: there is none.
std::optional<std::pair<uint64_t, Time>> entry_from(const Snapshot& snapshot, const Log& log,
                                                    uint64_t number) {
  std::optional<std::pair<uint64_t, Time>> found;
  snapshot.read(log, number, false, [&](uint64_t at, std::string_view entry) {
    found = {at, time_of(entry)};
    return false;
  });
  return found;
}
}  // namespace

Log change_log(std::string_view table_id) { return {Family::items, "c", table_id}; }
std::string_view stream_of_change(std::string_view entry) {
  return entry.substr(kHeadBytes, static_cast<uint8_t>(entry[kHeadBytes - 1]));
}
uint64_t number_after_last(const Snapshot& snapshot, const std::string& table_id) {
  return snapshot.last_number(change_log(table_id)) + 1;
}

void note_change(const Table& table, const json::object* before, const json::object* after, By by,
                 Staged& staged) {
  if (!before && !after) return;
  if (before && after && *before == *after) return;
  const std::string old_item = encoded(before);
  const std::string head = head_of(table.opened(), by, table.stream().id);
  const std::string plain = big_endian64(old_item.size()) + old_item + encoded(after);
  staged.append(change_log(table.id()), head + table.seal_text(plain, bound_to(table, head)));
}

Result<uint64_t> read_changes(const Table& table, const Snapshot& snapshot, uint64_t from,
                              const std::string& stream_id, size_t pass_max,
                              const std::function<bool(const Change& change)>& fn) {
  std::optional<Error> broken;
  uint64_t next = from;
  size_t passed = 0;
  snapshot.read(change_log(table.id()), from, false, [&](uint64_t number, std::string_view entry) {
    if (!stream_id.empty() && stream_of_change(entry) != stream_id) {
      next = number + 1;
      return ++passed < pass_max;
    }
    const auto change = open_change(table, number, entry);
    if (!change) {
      broken = change.error();
      return false;
    }
    const bool more = fn(*change);
    if (more) next = number + 1;
    return more;
  });
  if (broken) return *broken;
  return next;
}

// The times stand in the order of the commits but for milliseconds, so the place is found by
// halving.
uint64_t first_change_after(const Snapshot& snapshot, const std::string& table_id, Time time) {
  const Log log = change_log(table_id);
  const auto oldest = entry_from(snapshot, log, 0);
  const uint64_t next = number_after_last(snapshot, table_id);
  if (!oldest) return next;
  uint64_t low = oldest->first, high = next;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    const auto entry = entry_from(snapshot, log, middle);
    if (!entry || entry->second > time)
      high = middle;
    else
      low = entry->first + 1;
  }
  return low;
}

}  // namespace sluice::dynamodb
