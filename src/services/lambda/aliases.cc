// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/aliases.h"

#include "base/bytes.h"
#include "base/random.h"
#include "services/lambda/functions.h"
#include "services/lambda/versions.h"

namespace sluice::lambda {
namespace {
constexpr size_t kAliasNameBytesMax = 128;

bool is_alias_name(std::string_view name) {
  return !name.empty() && name.size() <= kAliasNameBytesMax &&
         name.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == name.npos &&
         name.find_first_not_of("0123456789") != name.npos;
}
std::string alias_arn(const Scope& scope, const AliasIn& in) {
  return function_arn(scope, in.name + ":" + in.alias);
}
json::object shown_alias(const Alias& alias, const Scope& scope, const std::string& function) {
  json::object out{{"AliasArn", function_arn(scope, function + ":" + alias.name)},
                   {"Name", alias.name},
                   {"FunctionVersion", alias.version},
                   {"Description", alias.description},
                   {"RevisionId", alias.revision}};
  if (alias.weights.empty()) return out;
  json::object weights;
  for (const auto& [version, weight] : alias.weights) weights[version] = weight;
  out["RoutingConfig"] = json::object{{"AdditionalVersionWeights", std::move(weights)}};
  return out;
}

// "AdditionalVersionWeights" of a "RoutingConfig". Errors: InvalidParameterValueException,
// ValidationException.
Result<std::map<std::string, double>> weights_of(const json::object& routing) {
  std::map<std::string, double> out;
  TRY(const json::object* weights, Fields(routing).object("AdditionalVersionWeights"));
  if (!weights) return out;
  if (weights->size() > 1)
    return invalid("Number of items in AdditionalVersionWeights cannot be greater than 1");
  for (const auto& [version, value] : *weights) {
    TRY(const auto weight, Fields(*weights).number(version));
    if (!weight || !(*weight >= 0.0 && *weight <= 1.0) || !is_number(version))
      return Error{400,
                   "ValidationException",
                   "1 validation error detected: Value '{" + std::string(version.substr(0, 100)) +
                       "=...}' at 'routingConfig.additionalVersionWeights' failed to satisfy "
                       "constraint: a key must match [0-9]+, and its weight be from 0.0 to 1.0",
                   {}};
    out[std::string(version)] = *weight;
  }
  return out;
}

// Reads the version, so that its end is a conflict. Errors: ResourceNotFoundException.
Result<Function> tracked_version(Staged& staged, const std::string& name,
                                 const std::string& version) {
  if (version == "$LATEST") return tracked_function(staged, {name, {}, {}, {}});
  const auto found = is_number(version) ? staged.look(version_key(name, version)) : nullptr;
  if (!found) return not_found(staged.snapshot().scope(), name + ":" + version.substr(0, 64));
  return static_cast<const Function&>(*found);
}

// Both versions are there, and may share the calls of one alias.
Result<Done> check_targets(Staged& staged, const std::string& name, const Alias& alias) {
  TRY(const Function main, tracked_version(staged, name, alias.version));
  for (const auto& [version, weight] : alias.weights) {
    if (alias.version == "$LATEST")
      return invalid("$LATEST is not supported for an alias pointing to more than 1 version");
    if (version == alias.version)
      return invalid("Invalid function version " + version + ". Function version " + version +
                     " is already included in routing configuration.");
    TRY(const Function other, tracked_version(staged, name, version));
    if (other.role != main.role)
      return invalid(
          "The versions of an alias with a routing configuration must have the same "
          "execution role.");
  }
  return Done{};
}

// Takes what the body says into the alias.
Result<Done> apply_body(const json::object& body, Alias& alias) {
  const Fields fields(body);
  TRY(const auto version, fields.text("FunctionVersion"));
  if (version) alias.version = *version;
  TRY(const auto description, fields.text("Description"));
  if (description && description->size() > 256)
    return invalid("Description must be at most 256 characters.");
  if (description) alias.description = *description;
  TRY(const json::object* routing, fields.object("RoutingConfig"));
  if (routing) {
    TRY(alias.weights, weights_of(*routing));
  }
  return Done{};
}
}  // namespace

Result<AliasIn> parse_alias_in(const Request& request) {
  AliasIn in;
  TRY(static_cast<NameIn&>(in), parse_name_in(request));
  CHECK(check_whole(in));
  in.alias = request.param("Name");
  in.version = request.query_text("FunctionVersion");
  TRY(in.page, parse_page(request));
  if (request.method == "POST") {
    TRY(in.alias, Fields(in.body).required_text("Name"));
    CHECK(Fields(in.body).required_text("FunctionVersion"));
  }
  const bool lists = request.method == "GET" && request.param("Name").empty();
  if (!lists && !is_alias_name(in.alias))
    return Error{400,
                 "ValidationException",
                 "1 validation error detected: Value '" + in.alias.substr(0, 200) +
                     "' at 'name' failed to satisfy constraint: Member must satisfy regular "
                     "expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)",
                 {}};
  return in;
}
json::value audit_alias(const AliasIn& in, const Request& request) {
  json::object shown = audit_function(in).as_object();
  if (!in.alias.empty()) shown["name"] = in.alias;
  if (request.method != "GET") return shown;  // only a list reads the query
  const json::value query = shown_fields(request, {"FunctionVersion", "Marker", "MaxItems"});
  if (query.is_object())
    for (const auto& [name, value] : query.get_object()) shown[name] = value;
  return shown;
}

Result<JsonOut> CreateAlias::run(const Authorized<In>& in, Staged& staged) {
  const Scope& scope = staged.snapshot().scope();
  CHECK(tracked_function(staged, *in));
  const auto key = alias_key(in->name, in->alias);
  Alias alias{.name = in->alias};
  CHECK(apply_body(in->body, alias));
  CHECK(check_targets(staged, in->name, alias));
  if (staged.get(key))
    return Error{
        409, "ResourceConflictException", "Alias already exists: " + alias_arn(scope, *in), {}};
  CHECK(count_qualifier(staged, in->name, 1));
  alias.revision = random_uuid();
  staged.put(key, alias);
  return JsonOut{201, shown_alias(alias, scope, in->name)};
}
Result<JsonOut> UpdateAlias::run(const Authorized<In>& in, Staged& staged) {
  const Scope& scope = staged.snapshot().scope();
  CHECK(tracked_function(staged, *in));
  const auto key = alias_key(in->name, in->alias);
  auto alias = staged.get(key);
  if (!alias)
    return Error{404, "ResourceNotFoundException", "Alias not found: " + alias_arn(scope, *in), {}};
  CHECK(check_revision(in->body, alias->revision));
  CHECK(apply_body(in->body, *alias));
  CHECK(check_targets(staged, in->name, *alias));
  CHECK(count_qualifier(staged, in->name, 0));
  alias->revision = random_uuid();
  staged.put(key, *alias);
  return JsonOut{200, shown_alias(*alias, scope, in->name)};
}
Result<JsonOut> DeleteAlias::run(const Authorized<In>& in, Staged& staged) {
  CHECK(tracked_function(staged, *in));
  if (!staged.get(alias_key(in->name, in->alias))) return JsonOut{204, {}};  // as on AWS
  CHECK(count_qualifier(staged, in->name, -1));
  staged.erase(alias_key(in->name, in->alias));
  staged.erase(policy_key(in->name + ":" + in->alias));
  staged.erase(event_config_key(in->name + ":" + in->alias));
  return JsonOut{204, {}};
}
Result<JsonOut> GetAlias::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const Scope& scope = snapshot.scope();
  if (!snapshot.get(function_key(in->name))) return not_found(scope, in->name);
  const auto alias = snapshot.get(alias_key(in->name, in->alias));
  if (!alias)
    return Error{
        404, "ResourceNotFoundException", "Cannot find alias arn: " + alias_arn(scope, *in), {}};
  return JsonOut{200, shown_alias(*alias, scope, in->name)};
}
// The marker is the alias that was listed last.
Result<JsonOut> ListAliases::run(const Authorized<In>& in, const Snapshot& snapshot) {
  if (!snapshot.get(function_key(in->name))) return not_found(snapshot.scope(), in->name);
  const std::string& marker = in->page.marker;
  json::array aliases;
  std::string last, next;
  snapshot.scan(RecordPrefix<Alias>{in->name},
                marker.empty() ? "" : alias_key(in->name, marker).bytes, false,
                [&](std::string_view, const Alias& alias) {
                  const bool wanted = in->version.empty() || alias.version == in->version ||
                                      alias.weights.contains(in->version);
                  if (alias.name == marker || !wanted) return true;
                  if (aliases.size() == static_cast<size_t>(in->page.max)) {
                    next = last;
                    return false;
                  }
                  aliases.push_back(shown_alias(alias, snapshot.scope(), in->name));
                  last = alias.name;
                  return true;
                });
  JsonOut out{200, {{"Aliases", std::move(aliases)}}};
  if (!next.empty()) out.body["NextMarker"] = next;
  return out;
}

}  // namespace sluice::lambda
