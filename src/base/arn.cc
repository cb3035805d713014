// SPDX-License-Identifier: Apache-2.0
#include "base/arn.h"

#include "base/bytes.h"

namespace sluice {

std::optional<Arn> parse_arn(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() < 6 || parts[0] != "arn" || parts[1].empty() || parts[2].empty())
    return std::nullopt;
  Arn arn{std::string(parts[1]),
          std::string(parts[2]),
          std::string(parts[3]),
          std::string(parts[4]),
          {}};
  arn.resource = std::string(text.substr(static_cast<size_t>(parts[5].data() - text.data())));
  if (arn.resource.empty()) return std::nullopt;
  return arn;
}

std::string make_arn(const Scope& scope, std::string_view service, std::string_view resource) {
  return Arn{"aws", std::string(service), scope.region, scope.account_id, std::string(resource)}
      .text();
}
std::string iam_arn(const Scope& scope, std::string_view resource) {
  return Arn{"aws", "iam", "", scope.account_id, std::string(resource)}.text();
}
std::string s3_arn(std::string_view bucket_and_key) {
  return "arn:aws:s3:::" + std::string(bucket_and_key);
}

}  // namespace sluice
