// SPDX-License-Identifier: Apache-2.0
#pragma once
// Amazon Resource Names. Source: AWS General Reference, "Amazon Resource Names (ARNs)".
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// Where this server lives, as its ARNs say it.
struct Scope {
  std::string account_id = "000000000000";  // 12 digits
  std::string region = "us-east-1";
};

struct Arn {
  std::string partition, service, region, account_id,
      resource;  // resource keeps its own ':' and '/'
  std::string text() const {
    return "arn:" + partition + ":" + service + ":" + region + ":" + account_id + ":" + resource;
  }
};
std::optional<Arn> parse_arn(std::string_view text);  // nullopt: not six parts, or no "arn:"

// "arn:aws:dynamodb:us-east-1:000000000000:table/T"
std::string make_arn(const Scope& scope, std::string_view service, std::string_view resource);
std::string iam_arn(const Scope& scope, std::string_view resource);  // no region
std::string s3_arn(std::string_view bucket_and_key);                 // no region, no account

}  // namespace sluice
