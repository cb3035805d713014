// SPDX-License-Identifier: Apache-2.0
// Prints the table of condition keys as JSON: which AWS defines for which actions, and which of
// them are filled. For tests/test_condition_keys.py.
#include "policy/condition_keys.h"

#include <cstdio>

#include "base/bytes.h"
#include "base/json.h"

int main() {
  using namespace sluice;
  const auto list = [](std::string_view names) {
    json::array out;
    for (const auto name : split(names, ' '))
      if (!name.empty()) out.emplace_back(name);
    return out;
  };
  json::array rows;
  for (const policy::ActionKeys& row : policy::condition_keys())
    rows.push_back(json::object{
        {"actions", row.actions}, {"filled", list(row.filled)}, {"unfilled", list(row.unfilled)}});
  std::puts(json::serialize(rows).c_str());
  return 0;
}
