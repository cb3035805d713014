// SPDX-License-Identifier: Apache-2.0
#include "request/cross_origin.h"

#include <algorithm>

#include "base/bytes.h"
#include "request/route.h"

namespace sluice {
namespace {
constexpr std::string_view kMethods[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};
// How many headers a preflight may ask for. A request cannot have more either.
constexpr size_t kHeadersMax = 100;

std::vector<std::string> names_in(std::string_view list) {
  std::vector<std::string> names;
  for (const auto name : split(list, ','))
    if (const auto text = trim(name); !text.empty()) names.push_back(lower(text));
  return names;
}
// The bucket is the first segment of the path.
std::string bucket_in(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  return percent_decode(path.substr(0, path.find('/'))).value_or("");
}
}  // namespace

std::optional<CrossOrigin> cross_origin_of(const Request& head, const Ports& ports) {
  const bool preflight = head.method == "OPTIONS";
  if (!preflight && !head.headers.find("origin")) return std::nullopt;
  Request asked = head;
  asked.path = head.target.substr(0, head.target.find('?'));
  const Service* service = find_service(asked, ports.services);
  if (!service || service->protocol != Protocol::rest_xml) return std::nullopt;
  to_path_style(asked, ports.store->scope());
  CrossOrigin out{bucket_in(asked.path), head.headers.get("origin"), head.method, {}};
  if (preflight) {
    out.method = head.headers.get("access-control-request-method");
    out.headers = names_in(head.headers.get("access-control-request-headers"));
  }
  return out;
}

Result<Response> answer_preflight(const Request& head, const Ports& ports) {
  const auto asked = cross_origin_of(head, ports);
  if (!asked || asked->origin.empty())
    return Error{400, "BadRequest", "Insufficient information. Origin request header needed.", {}};
  if (std::find(std::begin(kMethods), std::end(kMethods), asked->method) == std::end(kMethods) ||
      asked->headers.size() > kHeadersMax)
    return Error{400,
                 "BadRequest",
                 "Invalid Access-Control-Request-Method: " +
                     (asked->method.empty() ? "null" : asked->method),
                 {}};
  auto allowed = ports.buckets->cross_origin(*asked, ports.store->snapshot());
  if (!allowed)
    return Error{
        403,
        "AccessForbidden",
        "CORSResponse: This CORS request is not allowed: no CORS rule of the bucket allows "
        "this Origin with this Access-Control-Request-Method and "
        "Access-Control-Request-Headers.",
        {{"Method", asked->method}, {"ResourceType", "OBJECT"}}};
  return Response{200, *std::move(allowed), "", nullptr, 0};
}

}  // namespace sluice
