// SPDX-License-Identifier: Apache-2.0
#pragma once
// Amazon Resource Names. Source: AWS General Reference, "Amazon Resource Names (ARNs)".
//
//   const std::string arn = make_arn(scope, "dynamodb", "table/" + name);
//   const auto parsed = parse_arn(arn);
//   if (!parsed || parsed->service != "dynamodb") return invalid(arn + " is invalid");
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// The account and the Region that stand in the ARNs of this server.
struct Scope {
  std::string account_id = "000000000000";  // 12 digits
  std::string region = "us-east-1";
};

struct Arn {
  // `resource` keeps its own ':' and '/'.
  std::string partition, service, region, account_id, resource;
  std::string text() const {
    return "arn:" + partition + ":" + service + ":" + region + ":" + account_id + ":" + resource;
  }
};
// nullopt when the text does not begin with "arn:" or does not have six parts.
std::optional<Arn> parse_arn(std::string_view text);

// "arn:aws:dynamodb:us-east-1:000000000000:table/T"
std::string make_arn(const Scope& scope, std::string_view service, std::string_view resource);
std::string iam_arn(const Scope& scope, std::string_view resource);  // no region
std::string s3_arn(std::string_view bucket_and_key);                 // no region, no account

}  // namespace sluice
