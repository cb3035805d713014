// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is known of a request when policies are asked about it: condition keys with their values.
//
//   Context context{{"aws:securetransport", {"true"}}};
//   context["s3:prefix"] = {"a/"};
//   if (const Context::Values* prefix = context.find("s3:prefix")) use(prefix->front());
//
// decide() knows it by its interface alone, so that a key which no policy names need not be made.
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::policy {

// Where the values of condition keys come from.
class Keys {
 public:
  virtual ~Keys() = default;
  // `key` is in lower case. nullopt: the request does not have it. The values live as long as this.
  virtual std::optional<std::span<const std::string>> values(std::string_view key) const = 0;
};

// A list by key.
class Context : public Keys {
 public:
  using Values = std::vector<std::string>;  // one, of a key with a single value
  struct Entry {
    std::string key;  // in lower case
    Values values;
  };
  Context() = default;
  Context(std::initializer_list<Entry> entries);
  std::optional<std::span<const std::string>> values(std::string_view key) const override;
  const Values* find(std::string_view key) const;  // nullptr: the request does not have it
  Values& operator[](std::string_view key);        // made when it is not there
  void add(const Context& more);                   // of a key that both have, the values of `more`

 private:
  std::vector<Entry> entries_;  // sorted by key
};

}  // namespace sluice::policy
