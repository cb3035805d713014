// SPDX-License-Identifier: Apache-2.0
#pragma once
// What happened to the items of a table, in the order of the commits. Each change is a part of the
// commit that made it. Changes are kept while somebody may read them: for the stream of the table
// a day, for its point-in-time recovery as many days as that has.
//
//   note_change(table, before, after, By::caller, staged);   // write_item alone
//   read_changes(table, snapshot, from, [](const Change& change) { ...; return true; });
//
// An entry of the log (docs/on-disk.md):
//   8 bytes  the time, big-endian
//   1 byte   who made the change: 'c' a caller, 'e' the expiry of the item
//   1 byte   how long the id of the stream is, and the id
//   the rest is sealed under the key of the items, and bound to the table and to what stands
//   before it: 8 bytes for the length of the item before the change, that item, and the item after
//   it, as encode_item makes them. An item that is not there has no bytes.
#include "services/dynamodb/model.h"
#include "store/log.h"

namespace sluice::dynamodb {

enum class By : char { caller = 'c', expiry = 'e' };

struct Change {
  uint64_t number = 0;    // in the log of the table
  Time time = 0;          // by the clock of the server, near the commit
  std::string stream_id;  // of the stream that it belongs to; "": of none
  By by = By::caller;
  std::optional<json::object> before, after;
};

// The log of a table. `table_id` must outlive it.
Log change_log(std::string_view table_id);
// Adds a change that is to be written, unless it changes nothing. nullptr stands for no item.
void note_change(const Table& table, const json::object* before, const json::object* after, By by,
                 Staged& staged);
// The stream that an entry of the log belongs to.
std::string_view stream_of_change(std::string_view entry);
// Calls fn for the changes of the stream `stream_id`, or for all when it is "", from the number
// `from` on. fn returns false for a change that it does not take, and then it is the last. Others
// are passed over, at most `pass_max` of them. Returns the number after the last one that was taken
// or passed over. Errors: InternalServerError for a broken seal.
Result<uint64_t> read_changes(const Table& table, const Snapshot& snapshot, uint64_t from,
                              const std::string& stream_id, size_t pass_max,
                              const std::function<bool(const Change& change)>& fn);
// The number that the next change gets, or a later one if others come first.
uint64_t number_after_last(const Snapshot& snapshot, const std::string& table_id);
// The number of the first change after `time`; when there is none, the one that comes next.
uint64_t first_change_after(const Snapshot& snapshot, const std::string& table_id, Time time);

}  // namespace sluice::dynamodb
