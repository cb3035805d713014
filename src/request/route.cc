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

bool matches_path(const Match& match, std::string_view path,
                  std::vector<std::pair<std::string, std::string>>& params, int& literals) {
  params.clear();
  literals = 0;
  auto pattern = match.path;
  while (!pattern.empty()) {
    if (path.empty() || path.front() != '/' || pattern.front() != '/') return false;
    pattern.remove_prefix(1);
    path.remove_prefix(1);
    const auto part = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(part.size());
    if (part.ends_with("+}")) {
      auto value = percent_decode(path);
      if (!value || value->empty()) return false;
      params.emplace_back(part.substr(1, part.size() - 3), *std::move(value));
      return true;
    }
    const auto segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    if (part.starts_with('{')) {
      auto value = percent_decode(segment);
      if (!value || value->empty()) return false;
      params.emplace_back(part.substr(1, part.size() - 2), *std::move(value));
    } else if (part != segment) {
      return false;
    } else {
      ++literals;
    }
  }
  return path.empty() || path == "/";
}

bool matches_flag(const Request& request, std::string_view flag) {
  const size_t equals = flag.find('=');
  const std::string* value = request.query_value(flag.substr(0, equals));
  return value && (equals == flag.npos || *value == flag.substr(equals + 1));
}

// The row that fits best. `best_params` become the parameters of its path.
const Row* best_row(const Request& request, const Service& service,
                    std::vector<std::pair<std::string, std::string>>& best_params) {
  const Row* best = nullptr;
  int best_score = -1;
  std::vector<std::pair<std::string, std::string>> params;
  for (const Row& row : service.rows) {
    int score = 0;
    if (row.match.method != request.method || !matches_path(row.match, request.path, params, score))
      continue;
    if (!row.match.flag.empty()) {
      if (!matches_flag(request, row.match.flag)) continue;
      score += 4;
    }
    if (!row.match.header.empty()) {
      if (!request.headers.find(row.match.header)) continue;
      score += 2;
    }
    if (score > best_score) {
      best = &row;
      best_score = score;
      best_params = params;
    }
  }
  return best;
}

// The name of the operation of AWS that a REST request asks for and that Sluice does not have; ""
// when there is none.
std::string_view unbuilt_name(const Request& request, const Service& service, const Row* best) {
  std::vector<std::pair<std::string, std::string>> params;
  int literals = 0;
  for (const Unbuilt& one : unbuilt_operations())
    if (one.service == service.name && one.match.method == request.method &&
        matches_path(one.match, request.path, params, literals) &&
        (one.match.flag.empty()
             ? !best
             : (!best || best->match.flag.empty()) && matches_flag(request, one.match.flag)))
      return one.name;
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
  std::vector<std::pair<std::string, std::string>> params;
  const Row* best = best_row(request, service, params);
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
  std::vector<std::pair<std::string, std::string>> ignored_params;
  int ignored = 0;
  if (!best && std::any_of(service.rows.begin(), service.rows.end(), [&](const Row& row) {
        return matches_path(row.match, request.path, ignored_params, ignored);
      }))
    return Error{405,
                 "MethodNotAllowed",
                 "The specified method is not allowed against this resource.",
                 {{"Method", request.method}}};
  if (!best)
    return Error{501, "NotImplemented", "No operation of Sluice matches this method and path.", {}};
  request.params = std::move(params);
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
  std::vector<std::pair<std::string, std::string>> params;
  const Row* best = best_row(request, service, params);
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
