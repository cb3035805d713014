// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/configurations.h"

#include "base/random.h"
#include "request/principals.h"

namespace sluice::lambda {
namespace {
constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
Result<json::object> tracked_function(Staged& staged, const std::string& name) {
  auto function = staged.get_json(function_key(name));
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

// The statement that the fields of AddPermission ask for.
Result<json::object> statement_of(const json::object& body, const Scope& scope,
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
  json::object statement{{"Sid", sid},
                         {"Effect", "Allow"},
                         {"Action", action},
                         {"Resource", function_arn(scope, name)}};
  const bool account =
      principal.size() == 12 && principal.find_first_not_of("0123456789") == std::string::npos;
  if (principal.ends_with(".amazonaws.com"))
    statement["Principal"] = json::object{{"Service", principal}};
  else if (account)
    statement["Principal"] = json::object{{"AWS", "arn:aws:iam::" + principal + ":root"}};
  else if (principal.starts_with("arn:aws:iam::"))
    statement["Principal"] = json::object{{"AWS", principal}};
  else if (principal == "*" && (source_arn || source_account))
    statement["Principal"] = "*";
  else
    return invalid("The provided principal was invalid. Please check the principal and try again.");
  json::object condition;
  if (source_account)
    condition["StringEquals"] = json::object{{"AWS:SourceAccount", *source_account}};
  if (source_arn) condition["ArnLike"] = json::object{{"AWS:SourceArn", *source_arn}};
  if (!condition.empty()) statement["Condition"] = std::move(condition);
  return statement;
}
}  // namespace

Result<JsonOut> AddPermission::run(const Authorized<In>& in, Staged& staged) {
  const Scope& scope = staged.snapshot().scope();
  TRY(const json::object function, tracked_function(staged, in->name));
  TRY(const json::object statement, statement_of(in->body, scope, in->name));
  json::object policy =
      staged.get_json(policy_key(in->name)).value_or(json::object{{"Statement", json::array{}}});
  const std::string sid = text_of(statement, "Sid");
  json::array& statements = policy["Statement"].as_array();
  for (const json::value& one : statements)
    if (text_of(one.as_object(), "Sid") == sid)
      return Error{409,
                   "ResourceConflictException",
                   "The statement id (" + sid +
                       ") provided already exists. Please provide a new statement id, or remove "
                       "the existing statement.",
                   {}};
  if (const std::string wanted = text_of(in->body, "RevisionId");
      !wanted.empty() && wanted != text_of(policy, "Revision"))
    return stale_revision();
  const auto pinned = pin_principals(json::serialize(json::object{{"Statement", statement}}),
                                     *in.ports().identities, staged.snapshot());
  if (!pinned)
    return invalid("The provided principal was invalid. Please check the principal and try again.");
  TRY(const json::object kept, parse_json_object(*pinned));
  statements.push_back(kept.at("Statement"));
  policy["Revision"] = random_uuid();
  const std::string text = json::serialize(policy);
  if (text.size() > kPolicyBytesMax)
    return Error{400,
                 "PolicyLengthExceededException",
                 "The final policy size (" + std::to_string(text.size()) +
                     ") is bigger than the limit (20480).",
                 {}};
  staged.put(policy_key(in->name), text);
  return JsonOut{201, {{"Statement", json::serialize(statement)}}};
}

Result<NameIn> RemovePermission::parse(const Request& request) {
  TRY(FunctionName function, function_name_of(request));
  return NameIn{std::move(function), {{"StatementId", request.param("StatementId")}}};
}
// The principal whose permission goes, as AddPermission was given it.
void RemovePermission::add_context(policy::Context& context, const In& in,
                                   const Snapshot& snapshot) {
  const auto policy = snapshot.get_json(policy_key(in.name));
  if (!policy) return;
  for (const json::value& one : policy->at("Statement").as_array()) {
    const json::object& statement = one.as_object();
    if (text_of(statement, "Sid") != text_of(in.body, "StatementId")) continue;
    const json::value& principal = statement.at("Principal");
    const json::value& named =
        principal.is_object() ? principal.get_object().begin()->value() : principal;
    context["lambda:principal"] = {std::string(named.as_string())};
  }
}
Result<JsonOut> RemovePermission::run(const Authorized<In>& in, Staged& staged) {
  TRY(const json::object function, tracked_function(staged, in->name));
  const std::string sid = text_of(in->body, "StatementId");
  auto policy = staged.get_json(policy_key(in->name));
  if (policy) {
    json::array& statements = policy->at("Statement").as_array();
    for (auto it = statements.begin(); it != statements.end(); ++it) {
      if (text_of(it->as_object(), "Sid") != sid) continue;
      statements.erase(it);
      (*policy)["Revision"] = random_uuid();
      if (statements.empty())
        staged.erase(policy_key(in->name));
      else
        staged.put_json(policy_key(in->name), *policy);
      return JsonOut{204, {}};
    }
  }
  return Error{404,
               "ResourceNotFoundException",
               "Statement " + sid + " is not found in resource policy.",
               {}};
}
Result<JsonOut> GetPolicy::run(const Authorized<In>& in, const Snapshot& snapshot) {
  if (!snapshot.get(function_key(in->name))) return not_found(snapshot.scope(), in->name);
  const auto policy = snapshot.get_json(policy_key(in->name));
  if (!policy)
    return Error{
        404, "ResourceNotFoundException", "The resource you requested does not exist.", {}};
  return JsonOut{200,
                 {{"Policy", show_principals(policy_text(snapshot, in->name),
                                             *in.ports().identities, snapshot)},
                  {"RevisionId", text_of(*policy, "Revision")}}};
}

Result<JsonOut> PutFunctionConcurrency::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object function, tracked_function(staged, in->name));
  TRY(const auto reserved, Fields(in->body).integer("ReservedConcurrentExecutions"));
  if (!reserved || *reserved < 0 || *reserved > kConcurrencyMax)
    return invalid("ReservedConcurrentExecutions must be 0 to " + std::to_string(kConcurrencyMax) +
                   ", the concurrency of this server.");
  function["Reserved"] = *reserved;
  staged.put_json(function_key(in->name), function);
  return JsonOut{200, {{"ReservedConcurrentExecutions", *reserved}}};
}
Result<JsonOut> GetFunctionConcurrency::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const auto function = snapshot.get_json(function_key(in->name));
  if (!function) return not_found(snapshot.scope(), in->name);
  JsonOut out;
  if (function->contains("Reserved"))
    out.body["ReservedConcurrentExecutions"] = int_of(*function, "Reserved");
  return out;
}
Result<JsonOut> DeleteFunctionConcurrency::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object function, tracked_function(staged, in->name));
  function.erase("Reserved");
  staged.put_json(function_key(in->name), function);
  return JsonOut{204, {}};
}

namespace {
// Checks the settings of `body` into `config`; a PUT starts from nothing, a POST from what is
// there.
Result<JsonOut> put_event_config(const Authorized<NameIn>& in, Staged& staged,
                                 json::object config) {
  const Scope& scope = staged.snapshot().scope();
  TRY(const json::object function, tracked_function(staged, in->name));
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
  if (retries) config["MaximumRetryAttempts"] = *retries;
  if (age) config["MaximumEventAgeInSeconds"] = *age;
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
    config["OnFailure"] = arn;
  }
  config["Modified"] = in.time();
  staged.put_json(event_config_key(in->name), config);
  json::object body{{"FunctionArn", function_arn(scope, in->name) + ":$LATEST"},
                    {"LastModified", static_cast<double>(in.time()) / 1000}};
  return JsonOut{200, std::move(body)};
}
json::object shown_config(const json::object& config, const Scope& scope, const std::string& name) {
  json::object body{{"FunctionArn", function_arn(scope, name) + ":$LATEST"},
                    {"LastModified", static_cast<double>(int_of(config, "Modified")) / 1000},
                    {"DestinationConfig",
                     json::object{{"OnSuccess", json::object{}}, {"OnFailure", json::object{}}}}};
  for (const char* field : {"MaximumRetryAttempts", "MaximumEventAgeInSeconds"})
    if (config.contains(field)) body[field] = config.at(field);
  if (const std::string arn = text_of(config, "OnFailure"); !arn.empty())
    body["DestinationConfig"].as_object()["OnFailure"] = json::object{{"Destination", arn}};
  return body;
}
Result<JsonOut> store_and_show(const Authorized<NameIn>& in, Staged& staged, json::object from) {
  TRY(JsonOut out, put_event_config(in, staged, std::move(from)));
  if (const auto config = staged.get_json(event_config_key(in->name)))
    out.body = shown_config(*config, staged.snapshot().scope(), in->name);
  return out;
}
}  // namespace

Result<JsonOut> PutFunctionEventInvokeConfig::run(const Authorized<In>& in, Staged& staged) {
  return store_and_show(in, staged, {});
}
Result<JsonOut> UpdateFunctionEventInvokeConfig::run(const Authorized<In>& in, Staged& staged) {
  auto config = staged.get_json(event_config_key(in->name));
  if (!config) return no_event_config(staged.snapshot().scope(), in->name);
  return store_and_show(in, staged, *std::move(config));
}
Result<JsonOut> GetFunctionEventInvokeConfig::run(const Authorized<In>& in,
                                                  const Snapshot& snapshot) {
  const auto config = snapshot.get_json(event_config_key(in->name));
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
