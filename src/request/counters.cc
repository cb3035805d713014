// SPDX-License-Identifier: Apache-2.0
#include "request/counters.h"

namespace sluice {
namespace {
constexpr char kOther[] = "Other";
}  // namespace

Counters::Counters(std::span<const Service* const> services, const Service* operators) {
  for (const Service* service : services)
    for (const Row& row : service->rows) by_row_.try_emplace(&row);
  if (!operators) return;
  for (const Row& row : operators->rows) by_row_.try_emplace(&row);
}

void Counters::count(const Service& service, const Row* row, const std::string& code,
                     int64_t elapsed_us) {
  const auto found = row ? by_row_.find(row) : by_row_.end();
  Slot& slot = found == by_row_.end() ? strangers_ : found->second;
  std::call_once(slot.once, [&] {
    slot.owned = std::make_unique<Calls>();
    const bool known = found != by_row_.end();
    slot.owned->service = known ? service.name : "-";
    slot.owned->operation = known ? row->name : "-";
    slot.calls = slot.owned.get();
  });
  Calls& calls = *slot.calls;
  calls.elapsed_us.add(static_cast<uint64_t>(std::max<int64_t>(0, elapsed_us)));
  if (code.empty()) return;
  const MutexLock lock(calls.mutex);
  const bool has_room = calls.errors.size() < kCodesMax || calls.errors.contains(code);
  ++calls.errors[has_room ? code : kOther];
}

void Counters::show(const Slot& slot, json::array& into) {
  Calls* calls = slot.calls;
  if (!calls) return;
  const Histogram::Shown elapsed = calls->elapsed_us.shown();
  const auto number = [](uint64_t value) { return static_cast<int64_t>(value); };
  json::object errors;
  {
    const MutexLock lock(calls->mutex);
    for (const auto& [code, times] : calls->errors) errors[code] = number(times);
  }
  into.push_back(json::object{{"Service", calls->service},
                              {"Operation", calls->operation},
                              {"Calls", number(elapsed.count)},
                              {"P50Us", number(elapsed.p50)},
                              {"P99Us", number(elapsed.p99)},
                              {"MaxUs", number(elapsed.max)},
                              {"Errors", std::move(errors)}});
}

json::array Counters::shown() const {
  json::array out;
  for (const auto& [row, slot] : by_row_) show(slot, out);
  show(strangers_, out);
  std::sort(out.begin(), out.end(), [](const json::value& a, const json::value& b) {
    const auto name = [](const json::value& one) {
      return std::pair(text_of(one.get_object(), "Service"),
                       text_of(one.get_object(), "Operation"));
    };
    return name(a) < name(b);
  });
  return out;
}

}  // namespace sluice
