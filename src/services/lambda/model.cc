// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/model.h"

#include "base/bytes.h"

namespace sluice::lambda {

Result<FunctionName> function_name_of(const Request& request) {
  std::string region, account, name = request.param("FunctionName"),
                               qualifier = request.query_text("Qualifier");
  const std::string whole = name;
  if (const auto arn = parse_arn(name);
      arn && arn->service == "lambda" && arn->resource.starts_with("function:")) {
    region = arn->region;
    account = arn->account_id;
    name = arn->resource.substr(9);
  } else if (name.starts_with("function:"))
    name.erase(0, 9);
  else if (const size_t at = name.find(":function:");
           at != std::string::npos) {  // [region:]account
    const std::string place = name.substr(0, at);
    const size_t colon = place.find(':');
    if (colon != std::string::npos) region = place.substr(0, colon);
    account = colon == std::string::npos ? place : place.substr(colon + 1);
    name.erase(0, at + 10);
  }
  if (const size_t colon = name.find(':'); colon != std::string::npos) {
    const std::string own = name.substr(colon + 1);
    if (!qualifier.empty() && qualifier != own)
      return invalid(
          "The derived qualifier from the function name does not match the specified qualifier.");
    qualifier = own;
    name.resize(colon);
  }
  if (name.empty() || name.size() > 64 ||
      name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") !=
          std::string::npos)
    return Error{400,
                 "ValidationException",
                 "1 validation error detected: Value '" + whole.substr(0, 200) +
                     "' at 'functionName' failed to satisfy constraint: Member must satisfy "
                     "regular expression pattern: "
                     "(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\\d{1}:)?(\\d{12}:)?("
                     "function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?",
                 {}};
  if (!qualifier.empty() && qualifier != "$LATEST")
    return Error{404,
                 "ResourceNotFoundException",
                 "Function not found: " + name + ":" + qualifier.substr(0, 128) +
                     ". Sluice has no versions and aliases; use $LATEST.",
                 {}};
  return FunctionName{std::move(name), std::move(region), std::move(account)};
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

Result<NameIn> parse_name_in(const Request& request) {
  NameIn in;
  TRY(static_cast<FunctionName&>(in), function_name_of(request));
  if (request.method == "GET" || request.method == "DELETE") return in;
  auto body = parse_json_object(request.body);
  if (!body)
    return Error{400,
                 "InvalidRequestContentException",
                 "Could not parse request body into json: " + body.error().message,
                 {}};
  in.body = *std::move(body);
  return in;
}

void FunctionPolicy::complete() {
  json::array shown;
  for (const Permission& one : statements) shown.push_back(members_of(one));
  policy = json::serialize(
      json::object{{"Version", "2012-10-17"}, {"Id", "default"}, {"Statement", std::move(shown)}});
}

namespace {
std::vector<policy::Attached> policies_of(const std::string& name, const Snapshot& snapshot) {
  const auto stored = snapshot.get(policy_key(name));
  if (!stored) return {};
  return stored->policy.on(function_arn(snapshot.scope(), name));
}
}  // namespace

Need function_need(std::string_view action, const std::string& name, const Snapshot& snapshot) {
  return {std::string(action),
          function_arn(snapshot.scope(), name),
          {},
          policies_of(name, snapshot),
          "AWS::Lambda::Function"};
}

json::object code_context(const Scope& scope, const std::string& name) {
  return {{"aws:lambda:FunctionArn", function_arn(scope, name)}};
}

namespace {
class StoredPolicies : public FunctionPolicies {
 public:
  Result<std::vector<policy::Attached>> policies(std::string_view arn,
                                                 const Snapshot& snapshot) const override {
    const std::string prefix = function_arn(snapshot.scope(), "");
    std::string name(arn.starts_with(prefix) ? arn.substr(prefix.size()) : std::string_view());
    if (name.ends_with(":$LATEST")) name.resize(name.size() - 8);
    if (name.empty() || !snapshot.get(function_key(name)))
      return Error{404, "ResourceNotFoundException", "Function not found: " + std::string(arn), {}};
    return policies_of(name, snapshot);
  }
};
}  // namespace

std::unique_ptr<FunctionPolicies> function_policies() { return std::make_unique<StoredPolicies>(); }

json::value audit_function(const NameIn& in) {
  json::object shown = camel_case(in.body).as_object();
  shown["functionName"] = in.name;
  if (json::value* environment = shown.if_contains("environment")) *environment = json::object{};
  shown.erase("zipFile");
  if (json::value* code = shown.if_contains("code"); code && code->is_object())
    code->as_object().erase("zipFile");
  return shown;
}

}  // namespace sluice::lambda
