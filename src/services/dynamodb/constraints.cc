// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/constraints.h"

#include <algorithm>

namespace sluice::dynamodb {

void Constraints::check(bool holds, const std::optional<std::string>& value,
                        const std::string& where, const std::string& rule) {
  constexpr size_t kReportedMax = 10;
  if (holds || count_ == kReportedMax) return;
  broken_ += (count_++ ? "; " : "") + std::string("Value ") +
             (value ? "'" + value->substr(0, 1024) + "'" : "null") + " at '" + where +
             "' failed to satisfy constraint: " + rule;
}
void Constraints::one_of(const std::string& value, const std::string& where,
                         std::initializer_list<std::string_view> values) {
  std::string all;
  for (const std::string_view one : values) all += (all.empty() ? "" : ", ") + std::string(one);
  check(std::find(values.begin(), values.end(), value) != values.end(), value, where,
        "Member must satisfy enum value set: [" + all + "]");
}
void Constraints::length(const std::string& value, const std::string& where, size_t least,
                         size_t most) {
  check(value.size() >= least, value, where,
        "Member must have length greater than or equal to " + std::to_string(least));
  check(value.size() <= most, value, where,
        "Member must have length less than or equal to " + std::to_string(most));
}
void Constraints::bucket(const std::string& value, const std::string& where) {
  length(value, where, 1, 255);
  check(value.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                ".-_") == std::string::npos,
        value, where,
        "Member must satisfy regular expression pattern: ^[a-z0-9A-Z]+[\\.\\-\\w]*[a-z0-9A-Z]+$");
}
Result<Done> Constraints::met() const {
  if (!count_) return Done{};
  return validation(std::to_string(count_) + " validation error" + (count_ > 1 ? "s" : "") +
                    " detected: " + broken_);
}

}  // namespace sluice::dynamodb
