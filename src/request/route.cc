// SPDX-License-Identifier: Apache-2.0
#include "request/route.h"

#include <algorithm>

#include "base/bytes.h"
#include "request/audit.h"
#include "request/unbuilt.h"

namespace sluice {
namespace {

// The credential that a request names, which nothing has proven; "" when it names none.
std::string claimed_credential(const Request& request) {
  if (std::string credential = request.query_text("X-Amz-Credential"); !credential.empty())
    return credential;
  const std::string authorization = request.headers.get("authorization");
  const size_t at = authorization.find("Credential=");
  if (at == std::string::npos) return {};
  return authorization.substr(at + 11, authorization.find_first_of(", ", at) - at - 11);
}
std::string claimed_service(const Request& request) {
  const std::string credential = claimed_credential(request);
  const auto parts = split(credential, '/');
  return parts.size() == 5 ? std::string(parts[3]) : std::string();
}

// Whether a path is like "/2015-03-31/...": those of Lambda begin with the date of their API.
bool is_dated(std::string_view path) {
  constexpr std::string_view kForm = "/dddd-dd-dd/";
  if (path.size() < kForm.size()) return false;
  for (size_t i = 0; i < kForm.size(); ++i)
    if (kForm[i] == 'd' ? path[i] < '0' || path[i] > '9' : path[i] != kForm[i]) return false;
  return true;
}

// Calls take(name, value) for each parameter of the pattern, its value still percent-encoded.
// False: the path is of another form.
template <class Take>
bool walk_path(std::string_view pattern, std::string_view path, const Take& take) {
  while (!pattern.empty()) {
    if (path.empty() || path.front() != '/' || pattern.front() != '/') return false;
    pattern.remove_prefix(1);
    path.remove_prefix(1);
    const auto part = pattern.substr(0, pattern.find('/'));
    const bool is_rest = part.ends_with("+}"), is_parameter = part.starts_with('{');
    const auto segment = is_rest ? path : path.substr(0, path.find('/'));
    pattern.remove_prefix(part.size());
    path.remove_prefix(segment.size());
    if (is_parameter ? segment.empty() : part != segment) return false;
    if (is_parameter) take(part.substr(1, part.size() - (is_rest ? 3 : 2)), segment);
    if (is_rest) return true;
  }
  return path.empty() || path == "/";
}
bool matches_path(const Match& match, std::string_view path) {
  return walk_path(match.path, path, [](std::string_view, std::string_view) {});
}
// Of the segments of a pattern, how many it says itself.
int literals(std::string_view pattern) {
  const auto segments = std::count(pattern.begin(), pattern.end(), '/'),
             parameters = std::count(pattern.begin(), pattern.end(), '{');
  return static_cast<int>(segments - parameters);
}

bool matches_flag(const Request& request, std::string_view flag) {
  const size_t equals = flag.find('=');
  const std::string* value = request.query_value(flag.substr(0, equals));
  return value && (equals == flag.npos || *value == flag.substr(equals + 1));
}
bool matches(const Request& request, const Match& match) {
  return (match.flag.empty() || matches_flag(request, match.flag)) &&
         match.method == request.method &&
         (match.header.empty() || request.headers.find(match.header)) &&
         matches_path(match, request.path);
}

// The row that fits best. Every request passes through here, so nothing is decoded before there is
// one. The path must be well formed.
const Row* best_row(const Request& request, const Service& service) {
  const Row* best = nullptr;
  int best_score = -1;
  for (const Row& row : service.rows) {
    if (!matches(request, row.match)) continue;
    const int score = literals(row.match.path) + (row.match.flag.empty() ? 0 : 4) +
                      (row.match.header.empty() ? 0 : 2);
    if (score <= best_score) continue;
    best = &row;
    best_score = score;
  }
  return best;
}

// The name of the operation of AWS that a REST request asks for and that Sluice does not have; ""
// when there is none.
std::string_view unbuilt_name(const Request& request, const Service& service, const Row* best) {
  if (best && request.query.empty()) return {};
  for (const Unbuilt& one : unbuilt_operations()) {
    if (one.service != service.name) continue;
    const bool counts = one.match.flag.empty() ? !best : !best || best->match.flag.empty();
    if (counts && matches(request, one.match)) return one.name;
  }
  return {};
}
Error not_implemented(std::string_view name) {
  return {501, "NotImplemented", "Sluice does not implement " + std::string(name) + ".", {}};
}

Result<const Row*> find_rest_row(Request& request, const Service& service) {
  if (!percent_decode(request.path))
    return Error{
        400,
        service.protocol == Protocol::rest_xml ? "InvalidURI" : "InvalidParameterValueException",
        "Couldn't parse the specified URI.",
        {}};
  const Row* best = best_row(request, service);
  if (const auto name = unbuilt_name(request, service, best); !name.empty())
    return not_implemented(name);
  for (const auto& [name, value] : request.query) {
    const bool unsupported =
        std::find(service.unsupported_flags.begin(), service.unsupported_flags.end(), name) !=
        service.unsupported_flags.end();
    if (unsupported && (!best || best->match.flag.substr(0, best->match.flag.find('=')) != name))
      return Error{501,
                   "NotImplemented",
                   "The subresource '" + name + "' is not implemented by Sluice.",
                   {}};
  }
  if (!best && std::any_of(service.rows.begin(), service.rows.end(),
                           [&](const Row& row) { return matches_path(row.match, request.path); }))
    return Error{405,
                 "MethodNotAllowed",
                 "The specified method is not allowed against this resource.",
                 {{"Method", request.method}}};
  if (!best)
    return Error{501, "NotImplemented", "No operation of Sluice matches this method and path.", {}};
  request.params.clear();
  walk_path(best->match.path, request.path, [&](std::string_view name, std::string_view value) {
    request.params.emplace_back(name, percent_decode(value).value_or(""));
  });
  return best;
}

// The protocol that a client of an unknown service speaks: it can read an error only in that.
Protocol protocol_of_client(const Request& request) {
  const std::string type = request.headers.get("content-type");
  if (request.headers.find("x-amz-target") || type.starts_with("application/x-amz-json"))
    return type == "application/x-amz-json-1.0" ? Protocol::json10 : Protocol::json11;
  if (type.starts_with("application/x-www-form-urlencoded") || request.query_value("Action"))
    return Protocol::query;
  return type.starts_with("application/xml") || type.starts_with("text/xml") ? Protocol::rest_xml
                                                                             : Protocol::rest_json;
}
}  // namespace

const Service* find_service(const Request& request, const std::vector<const Service*>& services) {
  if (const std::string* target = request.headers.find("x-amz-target")) {
    const std::string prefix = target->substr(0, target->rfind('.'));
    for (const Service* s : services)
      if ((s->protocol == Protocol::json10 || s->protocol == Protocol::json11) &&
          (s->target == prefix || prefix.ends_with("." + std::string(s->target)) ||
           std::string_view(s->target).ends_with("." + prefix)))
        return s;
    return nullptr;
  }
  const auto by_name = [&](std::string_view name) -> const Service* {
    for (const Service* s : services)
      if (s->name == name) return s;
    return nullptr;
  };
  if (const std::string claimed = claimed_service(request); !claimed.empty())
    return by_name(claimed);
  if (is_dated(request.path)) return by_name("lambda");
  if (request.method == "POST" && request.path == "/" &&
      request.headers.get("content-type").starts_with("application/x-www-form-urlencoded"))
    return by_name("sts");
  return by_name("s3");
}

const Service& unknown_service(const Request& request) {
  static constexpr auto of = [](Protocol protocol) {
    return Service{"unknown", "unknown.amazonaws.com", protocol, "", "", {}, ""};
  };
  static constexpr Service kByProtocol[] = {of(Protocol::json10), of(Protocol::json11),
                                            of(Protocol::query), of(Protocol::rest_json),
                                            of(Protocol::rest_xml)};
  const Protocol protocol = protocol_of_client(request);
  return *std::find_if(std::begin(kByProtocol), std::end(kByProtocol),
                       [&](const Service& one) { return one.protocol == protocol; });
}

std::string claimed_operation(const Request& request, const Service& service) {
  if (const std::string* target = request.headers.find("x-amz-target"))
    return target->substr(target->rfind('.') + 1);
  if (service.protocol != Protocol::rest_xml && service.protocol != Protocol::rest_json)
    return request.query_text("Action");
  if (!percent_decode(request.path)) return "";
  const Row* best = best_row(request, service);
  if (const auto name = unbuilt_name(request, service, best); !name.empty())
    return std::string(name);
  return best ? std::string(event_name(service, *best)) : "";
}

std::string claimed_access_key(const Request& request) {
  const std::string credential = claimed_credential(request);
  return credential.substr(0, credential.find('/'));
}

void to_path_style(Request& request, const Scope& scope) {
  std::string host = lower(request.headers.get("host"));
  if (!host.starts_with('[')) host = host.substr(0, host.rfind(':'));
  const std::string suffixes[] = {".s3." + scope.region + ".amazonaws.com", ".s3.amazonaws.com",
                                  ".s3.localhost", ".localhost"};
  for (const std::string& suffix : suffixes) {
    if (host.size() <= suffix.size() || !host.ends_with(suffix)) continue;
    const std::string bucket = host.substr(0, host.size() - suffix.size());
    if (bucket == "s3") return;
    request.path = "/" + bucket + (request.path.empty() ? "/" : request.path);
    return;
  }
}

Result<const Row*> find_row(Request& request, const Service& service) {
  if (service.protocol == Protocol::rest_xml || service.protocol == Protocol::rest_json)
    return find_rest_row(request, service);
  std::string name;
  if (service.protocol == Protocol::query) {
    if (const std::string* other = request.headers.find("smithy-protocol"))
      return Error{400,
                   "InvalidAction",
                   "Sluice does not speak " + *other +
                       " yet: choose a client that speaks awsJson 1.0 or the query protocol.",
                   {}};
    name = request.query_text("Action");
    if (const std::string version = request.query_text("Version");
        !version.empty() && version != service.target)
      return Error{
          400, "InvalidAction", "Could not find operation " + name + " for version " + version, {}};
  } else {
    const std::string target = request.headers.get("x-amz-target");
    name = target.substr(target.rfind('.') + 1);
  }
  for (const Row& row : service.rows)
    if (row.name == name) return &row;
  if (service.protocol == Protocol::query)
    return Error{400,
                 "InvalidAction",
                 "Could not find operation " + name + " for version " +
                     std::string(service.target) + ": Sluice does not implement it.",
                 {}};
  return Error{400, "UnknownOperationException", "Sluice does not implement " + name + ".", {}};
}

}  // namespace sluice
