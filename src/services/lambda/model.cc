// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/model.h"

#include "base/bytes.h"
#include "base/random.h"

namespace sluice::lambda {

namespace {
constexpr std::string_view kNameLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr size_t kNameBytesMax = 64, kQualifierBytesMax = 128, kMarkerBytesMax = 512;
constexpr int64_t kMaxItemsMax = 10000;

bool is_name(std::string_view text, size_t max) {
  return !text.empty() && text.size() <= max &&
         text.find_first_not_of(kNameLetters) == std::string_view::npos;
}
Error bad_name(std::string_view whole) {
  return {400,
          "ValidationException",
          "1 validation error detected: Value '" + std::string(whole.substr(0, 200)) +
              "' at 'functionName' failed to satisfy constraint: Member must satisfy regular "
              "expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\\d{1}:)?"
              "(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?",
          {}};
}
}  // namespace

Result<FunctionName> function_name_of(std::string_view reference) {
  FunctionName out{.name = std::string(reference), .region = {}, .account = {}, .qualifier = {}};
  std::string& name = out.name;
  if (const auto arn = parse_arn(name);
      arn && arn->service == "lambda" && arn->resource.starts_with("function:")) {
    out.region = arn->region;
    out.account = arn->account_id;
    name = arn->resource.substr(9);
  } else if (name.starts_with("function:"))
    name.erase(0, 9);
  else if (const size_t at = name.find(":function:");
           at != std::string::npos) {  // [region:]account
    const std::string place = name.substr(0, at);
    const size_t colon = place.find(':');
    if (colon != std::string::npos) out.region = place.substr(0, colon);
    out.account = colon == std::string::npos ? place : place.substr(colon + 1);
    name.erase(0, at + 10);
  }
  if (const size_t colon = name.find(':'); colon != std::string::npos) {
    out.qualifier = name.substr(colon + 1);
    name.resize(colon);
    if (out.qualifier != "$LATEST" && !is_name(out.qualifier, kQualifierBytesMax))
      return bad_name(reference);
  }
  if (!is_name(name, kNameBytesMax)) return bad_name(reference);
  return out;
}
Result<FunctionName> function_name_of(const Request& request) {
  TRY(FunctionName out, function_name_of(std::string_view(request.param("FunctionName"))));
  const std::string asked = request.query_text("Qualifier");
  if (asked.empty()) return out;
  if (asked != "$LATEST" && !is_name(asked, kQualifierBytesMax))
    return Error{400,
                 "ValidationException",
                 "1 validation error detected: Value '" + asked.substr(0, 200) +
                     "' at 'qualifier' failed to satisfy constraint: Member must satisfy regular "
                     "expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+",
                 {}};
  if (!out.qualifier.empty() && out.qualifier != asked)
    return invalid(
        "The derived qualifier from the function name does not match the specified qualifier.");
  out.qualifier = asked;
  return out;
}
bool is_number(std::string_view qualifier) {
  return qualifier.size() <= 18 && !qualifier.empty() && qualifier.front() != '0' &&
         qualifier.find_first_not_of("0123456789") == std::string_view::npos;
}
Result<Done> check_whole(FunctionName& function) {
  if (function.qualifier == "$LATEST") function.qualifier.clear();
  if (!function.qualifier.empty())
    return invalid(
        "This operation is permitted on Lambda functions only. Aliases and versions do not support "
        "this operation. Please specify either a function name or an unqualified function ARN.");
  return Done{};
}

namespace {
Error alias_not_found(const Scope& scope, const std::string& qualified) {
  return {404,
          "ResourceNotFoundException",
          "Cannot find alias arn: " + function_arn(scope, qualified),
          {}};
}
Result<std::shared_ptr<const Function>> find_number(const Snapshot& snapshot,
                                                    const std::string& name,
                                                    const std::string& version) {
  std::shared_ptr<const Function> found;
  if (version == "$LATEST")
    found = snapshot.get(function_key(name));
  else if (is_number(version))
    found = snapshot.get(version_key(name, version));
  if (!found) return not_found(snapshot.scope(), name + ":" + version);
  return found;
}
// A number from 0 on and below 1.
double random_share() {
  uint32_t bits = 0;
  for (const char one : random_bytes(4)) bits = bits << 8 | static_cast<unsigned char>(one);
  return static_cast<double>(bits) / 4294967296.0;
}
std::string choose_version(const Alias& alias) {
  double share = random_share();
  for (const auto& [version, weight] : alias.weights) {
    if (share < weight) return version;
    share -= weight;
  }
  return alias.version;
}
// `choose` says which version of an alias is meant.
template <class Choose>
Result<std::shared_ptr<const Function>> resolve(const Snapshot& snapshot, const FunctionName& f,
                                                const Choose& choose) {
  auto latest = snapshot.get(function_key(f.name));
  if (!latest) return not_found(snapshot.scope(), f.qualified());
  if (f.qualifier.empty()) return std::shared_ptr<const Function>(std::move(latest));
  if (f.qualifier == "$LATEST" || is_number(f.qualifier))
    return find_number(snapshot, f.name, f.qualifier);
  const auto alias = snapshot.get(alias_key(f.name, f.qualifier));
  if (!alias) return alias_not_found(snapshot.scope(), f.qualified());
  return find_number(snapshot, f.name, choose(*alias));
}
}  // namespace

Result<std::shared_ptr<const Function>> find_function(const Snapshot& snapshot,
                                                      const FunctionName& function) {
  return resolve(snapshot, function, [](const Alias& alias) { return alias.version; });
}
Result<std::shared_ptr<const Function>> choose_function(const Snapshot& snapshot,
                                                        const FunctionName& function) {
  return resolve(snapshot, function, choose_version);
}
Result<Function> tracked_function(Staged& staged, const FunctionName& f) {
  auto latest = staged.get(function_key(f.name));
  const Scope& scope = staged.snapshot().scope();
  if (!latest) return not_found(scope, f.qualified());
  if (is_number(f.qualifier)) {
    if (!staged.look(version_key(f.name, f.qualifier))) return not_found(scope, f.qualified());
  } else if (!f.qualifier.empty() && f.qualifier != "$LATEST") {
    if (!staged.look(alias_key(f.name, f.qualifier))) return alias_not_found(scope, f.qualified());
  }
  return *std::move(latest);
}
Result<Done> check_place(const FunctionName& f, const Scope& scope) {
  if ((f.region.empty() || f.region == scope.region) &&
      (f.account.empty() || f.account == scope.account_id))
    return Done{};
  return Error{404,
               "ResourceNotFoundException",
               "Function not found: " + f.name + " of Region '" + f.region.substr(0, 32) +
                   "', account '" + f.account.substr(0, 32) + "': this server is " + scope.region +
                   ", " + scope.account_id,
               {}};
}

Result<json::object> parse_body(const Request& request) {
  auto body = parse_json_object(request.body);
  if (!body)
    return Error{400,
                 "InvalidRequestContentException",
                 "Could not parse request body into json: " + body.error().message,
                 {}};
  return *std::move(body);
}
Result<NameIn> parse_name_in(const Request& request) {
  NameIn in;
  TRY(static_cast<FunctionName&>(in), function_name_of(request));
  if (request.method == "GET" || request.method == "DELETE") return in;
  TRY(in.body, parse_body(request));
  return in;
}

void FunctionPolicy::complete() {
  json::array shown;
  for (const Permission& one : statements) shown.push_back(members_of(one));
  policy = json::serialize(
      json::object{{"Version", "2012-10-17"}, {"Id", "default"}, {"Statement", std::move(shown)}});
}

namespace {
std::vector<policy::Attached> policies_of(const FunctionName& function, const Snapshot& snapshot) {
  const auto stored = snapshot.get(policy_key(function.settings()));
  if (!stored) return {};
  return stored->policy.on(function_arn(snapshot.scope(), function.settings()));
}
}  // namespace

Need function_need(std::string_view action, const FunctionName& function,
                   const Snapshot& snapshot) {
  Need need{std::string(action),
            function_arn(snapshot.scope(), function.qualified()),
            {},
            policies_of(function, snapshot),
            "AWS::Lambda::Function"};
  if (const auto latest = snapshot.get(function_key(function.name)))
    for (const auto& [key, value] : latest->tags)
      need.context["aws:resourcetag/" + lower(std::string(key))] = {std::string(value.as_string())};
  return need;
}

json::object code_context(const Scope& scope, const std::string& name) {
  return {{"aws:lambda:FunctionArn", function_arn(scope, name)}};
}

namespace {
class StoredPolicies : public FunctionPolicies {
 public:
  Result<std::vector<policy::Attached>> policies(std::string_view arn,
                                                 const Snapshot& snapshot) const override {
    TRY(const FunctionName function, function_name_of(arn));
    CHECK(find_function(snapshot, function));
    return policies_of(function, snapshot);
  }
};
}  // namespace

std::unique_ptr<FunctionPolicies> function_policies() { return std::make_unique<StoredPolicies>(); }

void hide_package(json::object& shown, std::string_view name) {
  for (auto& [key, member] : shown)
    if (member.is_object() && lower(key) == name) hide_member(member.get_object(), "zipFile");
}
json::value audit_function(const NameIn& in) {
  json::object shown = camel_case(in.body).as_object();
  if (const json::value* tags = in.body.if_contains("Tags")) shown["tags"] = *tags;  // as they are
  shown["functionName"] = in.name;
  if (!in.qualifier.empty()) shown["qualifier"] = in.qualifier;
  if (shown.contains("environment")) {
    hide_member(shown, "environment");
    shown["environment"] = json::object{};
  }
  hide_member(shown, "zipFile");
  hide_package(shown, "code");
  return shown;
}

Result<PageIn> parse_page(const Request& request, int64_t max) {
  PageIn in{request.query_text("Marker"), max};
  if (in.marker.size() > kMarkerBytesMax) return invalid("Invalid marker.");
  if (const std::string* text = request.query_value("MaxItems")) {
    const auto wanted = parse_int(*text);
    if (!wanted || *wanted < 1 || *wanted > kMaxItemsMax)
      return invalid("MaxItems must be 1 to " + std::to_string(kMaxItemsMax) + ".");
    in.max = std::min(*wanted, max);
  }
  return in;
}
json::value audit_query(const Request& request, std::initializer_list<std::string_view> names) {
  json::value shown = shown_fields(request, names);
  if (!shown.is_object()) shown.emplace_object();
  if (const auto function = function_name_of(request))
    shown.as_object()["functionName"] = function->name;
  return shown;
}

}  // namespace sluice::lambda
