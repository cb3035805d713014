// SPDX-License-Identifier: Apache-2.0
#include "request/request_keys.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/clock.h"

namespace sluice {
namespace {
struct Asked {
  const Request& request;
  const Caller& caller;
  const Scope& scope;
};
using Value = std::optional<std::string>;  // nullopt: the request does not have the key

Value source_ip(const Asked& asked) {
  // A call of a service, in its own name or in that of a caller, comes from no address.
  if (asked.caller.context().find("aws:calledvia") ||
      asked.caller.principal().type == policy::Principal::Type::service)
    return std::nullopt;
  const std::string& ip = asked.request.source_ip;
  return ip.find_first_not_of("0123456789abcdefABCDEF.:") == ip.npos ? Value(ip) : std::nullopt;
}
Value referer(const Asked& asked) {
  const std::string* referer = asked.request.headers.find("referer");
  return referer ? Value(*referer) : std::nullopt;
}
Value via_aws_service(const Asked& asked) {
  if (asked.caller.context().find("aws:viaawsservice")) return std::nullopt;  // the caller says so
  return "false";
}
Value tls_version(const Asked& asked) {
  const std::string& version = asked.request.tls_version;  // "TLSv1.3"
  return version.size() > 4 ? Value(version.substr(4)) : std::nullopt;
}
Value auth_type(const Asked& asked) {
  if (asked.request.form) return "POST";
  return asked.request.query_value("X-Amz-Signature") ? "REST-QUERY-STRING" : "REST-HEADER";
}
Value signature_age(const Asked& asked) {  // of a presigned URL, in milliseconds
  const auto signed_at = parse_basic_date(asked.request.query_text("X-Amz-Date"));
  if (!signed_at) return std::nullopt;
  return std::to_string(std::max<Time>(0, asked.request.time - *signed_at));
}

struct Computed {
  std::string_view key;  // in lower case
  Value (*value)(const Asked&);
};
constexpr Computed kComputed[] = {
    {"aws:currenttime", [](const Asked& a) -> Value { return iso_seconds(a.request.time); }},
    {"aws:epochtime",
     [](const Asked& a) -> Value { return std::to_string(a.request.time / 1000); }},
    {"aws:securetransport",
     [](const Asked& a) -> Value { return a.request.tls_version.empty() ? "false" : "true"; }},
    {"aws:useragent", [](const Asked& a) -> Value { return a.request.headers.get("user-agent"); }},
    {"aws:referer", referer},
    {"aws:sourceip", source_ip},
    {"aws:requestedregion", [](const Asked& a) -> Value { return a.scope.region; }},
    {"aws:resourceaccount", [](const Asked& a) -> Value { return a.scope.account_id; }},
    {"aws:viaawsservice", via_aws_service},
    {"s3:resourceaccount", [](const Asked& a) -> Value { return a.scope.account_id; }},
    {"s3:tlsversion", tls_version},
    {"s3:authtype", auth_type},
    {"s3:signatureversion", [](const Asked&) -> Value { return "AWS4-HMAC-SHA256"; }},
    {"s3:signatureage", signature_age},
    {"s3:x-amz-content-sha256", [](const Asked& a) -> Value { return payload_hash_of(a.request); }},
};
static_assert(std::size(kComputed) <= RequestKeys::kRoom);
}  // namespace

RequestKeys::RequestKeys(const Request& request, const Caller& caller, const Scope& scope,
                         const Tags* role_tags)
    : request_(request), caller_(caller), scope_(scope), role_tags_(role_tags) {}

std::optional<std::span<const std::string>> RequestKeys::values(std::string_view key) const {
  for (size_t n = 0; n < std::size(kComputed); ++n) {
    if (kComputed[n].key != key) continue;
    Kept& kept = kept_[n];
    if (!kept.known) kept = {true, kComputed[n].value({request_, caller_, scope_})};
    if (kept.value) return std::span(&*kept.value, 1);
    break;
  }
  if (const auto of_session = caller_.context().values(key)) return of_session;
  constexpr std::string_view kTag = "aws:principaltag/";
  if (!role_tags_ || !key.starts_with(kTag)) return std::nullopt;
  for (const auto& [name, value] : *role_tags_)
    if (equals_ignore_case(name, key.substr(kTag.size()))) return std::span(&value, 1);
  return std::nullopt;
}

}  // namespace sluice
