// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/configurations.h"

#include <algorithm>

#include "base/random.h"
#include "request/principals.h"

namespace sluice::lambda {
namespace {
constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
Result<Function> tracked_function(Staged& staged, const std::string& name) {
  auto function = staged.get(function_key(name));
  if (!function) return not_found(staged.snapshot().scope(), name);
  return *std::move(function);
}
Error no_event_config(const Scope& scope, const std::string& name) {
  return {
      404,
      "ResourceNotFoundException",
      "The function " + function_arn(scope, name) + ":$LATEST doesn't have an EventInvokeConfig",
      {}};
}

Error stale_revision() {
  return {412,
          "PreconditionFailedException",
          "The RevisionId provided does not match the latest RevisionId. Call the GetPolicy API to "
          "retrieve the latest RevisionId",
          {}};
}

// The statement with this id, or the end of the statements.
template <class Policy>
auto find_statement(Policy& policy, std::string_view sid) {
  return std::ranges::find(policy.statements, sid, &Permission::sid);
}

// The statement that the fields of AddPermission ask for.
Result<Permission> statement_of(const json::object& body, const Scope& scope,
                                const std::string& name) {
  const Fields fields(body);
  TRY(const std::string sid, fields.required_text("StatementId"));
  TRY(const std::string action, fields.required_text("Action"));
  TRY(const std::string principal, fields.required_text("Principal"));
  TRY(const auto source_arn, fields.text("SourceArn"));
  TRY(const auto source_account, fields.text("SourceAccount"));
  if (sid.empty() || sid.size() > 100 || sid.find_first_not_of(kLetters) != std::string::npos)
    return invalid("StatementId must be 1 to 100 of a-z, A-Z, 0-9, - and _.");
  if (!action.starts_with("lambda:") && action != "*")
    return Error{400,
                 "ValidationException",
                 "1 validation error detected: Value '" + action +
                     "' at 'action' failed to satisfy constraint: Member must satisfy regular "
                     "expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])",
                 {}};
  if (source_account && (source_account->size() != 12 ||
                         source_account->find_first_not_of("0123456789") != std::string::npos))
    return invalid("SourceAccount must be 12 digits.");
  if (source_arn && !parse_arn(*source_arn)) return invalid("SourceArn must be an ARN.");
  for (const char* later :
       {"PrincipalOrgID", "EventSourceToken", "FunctionUrlAuthType", "InvokedViaFunctionUrl"})
    if (fields.find(later))
      return invalid(std::string(later) + " is not implemented by Sluice yet.");
  Permission statement{
      .sid = sid, .effect = "Allow", .action = action, .resource = function_arn(scope, name)};
  const bool account =
      principal.size() == 12 && principal.find_first_not_of("0123456789") == std::string::npos;
  if (principal.ends_with(".amazonaws.com"))
    statement.principal = json::object{{"Service", principal}};
  else if (account)
    statement.principal = json::object{{"AWS", "arn:aws:iam::" + principal + ":root"}};
  else if (principal.starts_with("arn:aws:iam::"))
    statement.principal = json::object{{"AWS", principal}};
  else if (principal == "*" && (source_arn || source_account))
    statement.principal = "*";
  else
    return invalid("The provided principal was invalid. Please check the principal and try again.");
  if (source_account)
    statement.condition["StringEquals"] = json::object{{"AWS:SourceAccount", *source_account}};
  if (source_arn) statement.condition["ArnLike"] = json::object{{"AWS:SourceArn", *source_arn}};
  return statement;
}
}  // namespace

Result<JsonOut> AddPermission::run(const Authorized<In>& in, Staged& staged) {
  const Scope& scope = staged.snapshot().scope();
  CHECK(tracked_function(staged, in->name));
  TRY(const Permission statement, statement_of(in->body, scope, in->name));
  const json::object shown = members_of(statement);
  FunctionPolicy policy = staged.get(policy_key(in->name)).value_or(FunctionPolicy{});
  if (find_statement(policy, statement.sid) != policy.statements.end())
    return Error{409,
                 "ResourceConflictException",
                 "The statement id (" + statement.sid +
                     ") provided already exists. Please provide a new statement id, or remove "
                     "the existing statement.",
                 {}};
  if (const std::string wanted = text_of(in->body, "RevisionId");
      !wanted.empty() && wanted != policy.revision)
    return stale_revision();
  const auto pinned = pin_principals(json::serialize(json::object{{"Statement", shown}}),
                                     *in.ports().identities, staged.snapshot());
  if (!pinned)
    return invalid("The provided principal was invalid. Please check the principal and try again.");
  TRY(const json::object kept, parse_json_object(*pinned));
  policy.statements.push_back(members_from<Permission>(kept.at("Statement").as_object()));
  policy.revision = random_uuid();
  const size_t bytes = json::serialize(members_of(policy)).size();
  if (bytes > kPolicyBytesMax)
    return Error{
        400,
        "PolicyLengthExceededException",
        "The final policy size (" + std::to_string(bytes) + ") is bigger than the limit (20480).",
        {}};
  staged.put(policy_key(in->name), policy);
  return JsonOut{201, {{"Statement", json::serialize(shown)}}};
}

Result<NameIn> RemovePermission::parse(const Request& request) {
  TRY(FunctionName function, function_name_of(request));
  return NameIn{std::move(function), {{"StatementId", request.param("StatementId")}}};
}
// The principal whose permission is removed, as AddPermission got it.
void RemovePermission::add_context(policy::Context& context, const In& in,
                                   const Snapshot& snapshot) {
  const auto policy = snapshot.get(policy_key(in.name));
  if (!policy) return;
  const auto found = find_statement(*policy, text_of(in.body, "StatementId"));
  if (found == policy->statements.end()) return;
  const json::value& principal = found->principal;
  const json::value& named =
      principal.is_object() ? principal.get_object().begin()->value() : principal;
  context["lambda:principal"] = {std::string(named.as_string())};
}
Result<JsonOut> RemovePermission::run(const Authorized<In>& in, Staged& staged) {
  CHECK(tracked_function(staged, in->name));
  const std::string sid = text_of(in->body, "StatementId");
  FunctionPolicy policy = staged.get(policy_key(in->name)).value_or(FunctionPolicy{});
  const auto found = find_statement(policy, sid);
  if (found == policy.statements.end())
    return Error{404,
                 "ResourceNotFoundException",
                 "Statement " + sid + " is not found in resource policy.",
                 {}};
  policy.statements.erase(found);
  policy.revision = random_uuid();
  if (policy.statements.empty())
    staged.erase(policy_key(in->name));
  else
    staged.put(policy_key(in->name), policy);
  return JsonOut{204, {}};
}
Result<JsonOut> GetPolicy::run(const Authorized<In>& in, const Snapshot& snapshot) {
  if (!snapshot.get(function_key(in->name))) return not_found(snapshot.scope(), in->name);
  const auto stored = snapshot.get(policy_key(in->name));
  if (!stored)
    return Error{
        404, "ResourceNotFoundException", "The resource you requested does not exist.", {}};
  return JsonOut{
      200,
      {{"Policy", show_principals(stored->policy.text(), *in.ports().identities, snapshot)},
       {"RevisionId", stored->revision}}};
}

Result<JsonOut> PutFunctionConcurrency::run(const Authorized<In>& in, Staged& staged) {
  TRY(Function function, tracked_function(staged, in->name));
  TRY(const auto reserved, Fields(in->body).integer("ReservedConcurrentExecutions"));
  if (!reserved || *reserved < 0 || *reserved > kConcurrencyMax)
    return invalid("ReservedConcurrentExecutions must be 0 to " + std::to_string(kConcurrencyMax) +
                   ", the concurrency of this server.");
  function.reserved = reserved;
  staged.put(function_key(in->name), function);
  return JsonOut{200, {{"ReservedConcurrentExecutions", *reserved}}};
}
Result<JsonOut> GetFunctionConcurrency::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const auto function = snapshot.get(function_key(in->name));
  if (!function) return not_found(snapshot.scope(), in->name);
  JsonOut out;
  if (function->reserved) out.body["ReservedConcurrentExecutions"] = *function->reserved;
  return out;
}
Result<JsonOut> DeleteFunctionConcurrency::run(const Authorized<In>& in, Staged& staged) {
  TRY(Function function, tracked_function(staged, in->name));
  function.reserved = std::nullopt;
  staged.put(function_key(in->name), function);
  return JsonOut{204, {}};
}

namespace {
json::object shown_config(const EventConfig& config, const Scope& scope, const std::string& name) {
  json::object failure;
  if (!config.on_failure.empty()) failure["Destination"] = config.on_failure;
  json::object body{{"FunctionArn", function_arn(scope, name) + ":$LATEST"},
                    {"LastModified", static_cast<double>(config.modified) / 1000},
                    {"DestinationConfig", json::object{{"OnSuccess", json::object{}},
                                                       {"OnFailure", std::move(failure)}}}};
  if (config.retries_max) body["MaximumRetryAttempts"] = *config.retries_max;
  if (config.age_max_s) body["MaximumEventAgeInSeconds"] = *config.age_max_s;
  return body;
}
// Checks the settings of the request and puts them into `config`. For a PUT that is empty before,
// for a POST it is what is stored.
Result<JsonOut> put_event_config(const Authorized<NameIn>& in, Staged& staged, EventConfig config) {
  CHECK(tracked_function(staged, in->name));
  const Fields fields(in->body);
  TRY(const auto retries, fields.integer("MaximumRetryAttempts"));
  TRY(const auto age, fields.integer("MaximumEventAgeInSeconds"));
  TRY(const json::object* destinations, fields.object("DestinationConfig"));
  if (!retries && !age && !destinations)
    return invalid("You must specify at least one of error handling or destination setting.");
  if (retries && (*retries < 0 || *retries > kRetriesMax))
    return invalid("MaximumRetryAttempts must be 0 to 2.");
  if (age && (*age < kEventAgeMinS || *age > kEventAgeMaxS))
    return invalid("MaximumEventAgeInSeconds must be 60 to 21600.");
  if (retries) config.retries_max = retries;
  if (age) config.age_max_s = age;
  if (destinations) {
    TRY(const json::object* failure, Fields(*destinations).object("OnFailure"));
    TRY(const json::object* success, Fields(*destinations).object("OnSuccess"));
    if (success && !success->empty())
      return invalid("OnSuccess destinations are not implemented by Sluice yet.");
    const std::string arn = failure ? text_of(*failure, "Destination") : "";
    if (!arn.empty() && (!arn.starts_with("arn:aws:s3:::") || arn.find('/') != std::string::npos))
      return invalid(
          "Sluice delivers failed events to an S3 bucket: the OnFailure destination must be "
          "arn:aws:s3:::BUCKET; SQS, SNS, EventBridge and Lambda are not implemented yet.");
    config.on_failure = arn;
  }
  config.modified = in.time();
  staged.put(event_config_key(in->name), config);
  return JsonOut{200, shown_config(config, staged.snapshot().scope(), in->name)};
}
}  // namespace

Result<JsonOut> PutFunctionEventInvokeConfig::run(const Authorized<In>& in, Staged& staged) {
  return put_event_config(in, staged, {});
}
Result<JsonOut> UpdateFunctionEventInvokeConfig::run(const Authorized<In>& in, Staged& staged) {
  auto config = staged.get(event_config_key(in->name));
  if (!config) return no_event_config(staged.snapshot().scope(), in->name);
  return put_event_config(in, staged, *std::move(config));
}
Result<JsonOut> GetFunctionEventInvokeConfig::run(const Authorized<In>& in,
                                                  const Snapshot& snapshot) {
  const auto config = snapshot.get(event_config_key(in->name));
  if (!config) return no_event_config(snapshot.scope(), in->name);
  return JsonOut{200, shown_config(*config, snapshot.scope(), in->name)};
}
Result<JsonOut> DeleteFunctionEventInvokeConfig::run(const Authorized<In>& in, Staged& staged) {
  if (!staged.get(event_config_key(in->name)))
    return no_event_config(staged.snapshot().scope(), in->name);
  staged.erase(event_config_key(in->name));
  return JsonOut{204, {}};
}

}  // namespace sluice::lambda
