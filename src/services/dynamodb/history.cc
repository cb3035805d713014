// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/history.h"

namespace sluice::dynamodb {

Result<Done> History::each(const std::string& start, const Each& fn) const {
  for (std::string from = start.empty() ? table_.keys().all().bytes : start; !from.empty();) {
    TRY(const Range range, range_from(from, 0));
    TRY(const bool more, each_in(range, from, fn));
    if (!more) break;
    from = range.end;
  }
  return Done{};
}

Result<Done> History::each_change(Time to, const std::string& start, const EachChange& fn) const {
  const uint64_t end_number = first_change_after(snapshot_, table_.id(), to);
  for (std::string from = start.empty() ? table_.keys().all().bytes : start; !from.empty();) {
    TRY(const Range range, range_from(from, end_number));
    for (const auto& [key, numbers] : range.changed) {
      TRY(Change first, change_at(numbers.first));
      TRY(Change last, change_at(numbers.last));
      const json::object& item = first.before ? *first.before : *first.after;
      NetChange net{table_.key_attributes(item), last.time, std::move(first.before),
                    std::move(last.after)};
      if (!fn(key, net)) return Done{};
    }
    from = range.end;
  }
  return Done{};
}

Result<Change> History::change_at(uint64_t number) const {
  Change found;
  CHECK(read_changes(table_, snapshot_, number, "", 0, [&](const Change& change) {
    found = change;
    return false;
  }));
  if (found.number == number) return found;
  return Error{500, "InternalServerError", "A change of the table is missing.", {}};
}

// When more keys have changed than fit, the last ones are left for the next range.
Result<History::Range> History::range_from(const std::string& start, uint64_t end_number) const {
  constexpr size_t kPerKey = 64;  // what a map needs besides
  Range range;
  size_t bytes = 0;
  std::optional<Error> wrong;
  const auto note = [&](const Change& change) {
    if (end_number && change.number >= end_number) return false;
    auto key = table_.key_of(change.before ? *change.before : *change.after, false);
    if (!key) {
      wrong = key.error();
      return false;
    }
    if (key->bytes < start || (!range.end.empty() && key->bytes >= range.end)) return true;
    const Changes numbers{change.number, change.number};
    const auto [noted, is_first] = range.changed.emplace(std::move(key->bytes), numbers);
    if (!is_first)
      noted->second.last = change.number;
    else
      bytes += noted->first.size() + kPerKey;
    while (bytes > key_bytes_at_once_ && range.changed.size() > 1) {
      const auto last = std::prev(range.changed.end());
      bytes -= last->first.size() + kPerKey;
      range.end = last->first;
      range.changed.erase(last);
    }
    return true;
  };
  CHECK(read_changes(table_, snapshot_, first_, "", 0, note));
  if (wrong) return *wrong;
  return range;
}

Result<bool> History::each_in(const Range& range, const std::string& start, const Each& fn) const {
  std::optional<Error> broken;
  bool more = true;
  const auto show = [&](std::string_view key, const Result<json::object>& item) {
    if (!item) broken = item.error();
    more = item && fn(key, *item);
    return more;
  };
  // The item as it was before its first change; false when there was none, or at the end.
  const auto show_former = [&](const std::pair<const std::string, Changes>& changed) {
    const auto change = change_at(changed.second.first);
    if (!change)
      broken = change.error();
    else if (change->before)
      show(changed.first, *change->before);
    return more && !broken;
  };
  auto changed = range.changed.begin();
  Span span = schema::span(table_.keys().all());
  span.low = start;
  if (!range.end.empty()) span.high = range.end;
  snapshot_.scan(span, false, [&](std::string_view key, std::string_view sealed) {
    for (; changed != range.changed.end() && changed->first < key; ++changed)
      if (!show_former(*changed)) return false;
    if (changed == range.changed.end() || changed->first != key)
      return show(key, table_.open_item(key, sealed));
    return show_former(*changed++);
  });
  for (; more && !broken && changed != range.changed.end(); ++changed) show_former(*changed);
  if (broken) return *broken;
  return more;
}

}  // namespace sluice::dynamodb
