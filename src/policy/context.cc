// SPDX-License-Identifier: Apache-2.0
#include "policy/context.h"

#include <algorithm>

namespace sluice::policy {

Context::Context(std::initializer_list<Entry> entries) {
  entries_.reserve(entries.size());
  for (const auto& [key, values] : entries) (*this)[key] = values;
}

std::optional<std::span<const std::string>> Context::values(std::string_view key) const {
  const Values* found = find(key);
  return found ? std::optional<std::span<const std::string>>(*found) : std::nullopt;
}

const Context::Values* Context::find(std::string_view key) const {
  const auto place = std::ranges::lower_bound(entries_, key, {}, &Entry::key);
  return place != entries_.end() && place->key == key ? &place->values : nullptr;
}

Context::Values& Context::operator[](std::string_view key) {
  auto place = std::ranges::lower_bound(entries_, key, {}, &Entry::key);
  if (place == entries_.end() || place->key != key)
    place = entries_.insert(place, Entry{std::string(key), {}});
  return place->values;
}

void Context::add(const Context& more) {
  for (const auto& [key, values] : more.entries_) (*this)[key] = values;
}

}  // namespace sluice::policy
