// SPDX-License-Identifier: Apache-2.0
#pragma once
// The constraints of AWS's API model. All that a request breaks are reported at once, in one text.
//
//   Constraints constraints;
//   constraints.one_of(billing, "billingMode", {"PROVISIONED", "PAY_PER_REQUEST"});
//   constraints.check(units >= 1, std::to_string(units), "readCapacityUnits",
//                     "Member must have value greater than or equal to 1");
//   CHECK(constraints.met());
#include "services/dynamodb/value.h"

namespace sluice::dynamodb {

class Constraints {
 public:
  // `value` is shown in bounded length; nullopt is shown as null.
  void check(bool holds, const std::optional<std::string>& value, const std::string& where,
             const std::string& rule);
  void not_null(bool given, const std::string& where) {
    check(given, std::nullopt, where, "Member must not be null");
  }
  void one_of(const std::string& value, const std::string& where,
              std::initializer_list<std::string_view> values);
  // The name of an S3 bucket, as it stands in a path.
  void bucket(const std::string& value, const std::string& where);
  void length(const std::string& value, const std::string& where, size_t least, size_t most);
  Result<Done> met() const;

 private:
  size_t count_ = 0;
  std::string broken_;
};

}  // namespace sluice::dynamodb
