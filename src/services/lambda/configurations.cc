// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/configurations.h"

#include "request/principals.h"
#include "services/lambda/execution_role.h"
#include "services/lambda/statements.h"

namespace sluice::lambda {
namespace {
// How an EventConfig names what it belongs to.
std::string config_arn(const Scope& scope, const FunctionName& function) {
  return function_arn(scope, function.name) + ":" +
         (function.qualifier.empty() ? "$LATEST" : function.qualifier);
}
Error no_event_config(const Scope& scope, const FunctionName& function) {
  return {404,
          "ResourceNotFoundException",
          "The function " + config_arn(scope, function) + " doesn't have an EventInvokeConfig",
          {}};
}

// The statement that the fields of AddPermission ask for.
Result<Permission> statement_of(const json::object& body, const Scope& scope,
                                const FunctionName& function) {
  const Fields fields(body);
  TRY(const std::string sid, statement_id_of(body));
  TRY(const std::string action, fields.required_text("Action"));
  TRY(const std::string principal, fields.required_text("Principal"));
  TRY(const auto source_arn, fields.text("SourceArn"));
  TRY(const auto source_account, fields.text("SourceAccount"));
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
  Permission statement{.sid = sid,
                       .effect = "Allow",
                       .action = action,
                       .resource = function_arn(scope, function.qualified())};
  if (principal.ends_with(".amazonaws.com"))
    statement.principal = json::object{{"Service", principal}};
  else if (const auto account = account_principal(principal))
    statement.principal = *account;
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
  if (in->qualifier == "$LATEST")
    return invalid("We currently do not support adding policies for $LATEST.");
  CHECK(tracked_function(staged, *in));
  TRY(const Permission statement, statement_of(in->body, scope, *in));
  const json::object shown = members_of(statement);
  const auto key = policy_key(in->settings());
  FunctionPolicy policy = staged.get(key).value_or(FunctionPolicy{});
  const std::string revision = text_of(in->body, "RevisionId");
  CHECK(check_new_statement(policy, statement.sid, revision));
  const auto pinned = pin_principals(json::serialize(json::object{{"Statement", shown}}),
                                     *in.ports().identities, staged.snapshot());
  if (!pinned)
    return invalid("The provided principal was invalid. Please check the principal and try again.");
  TRY(const json::object kept, parse_json_object(*pinned));
  CHECK(
      add_statement(policy, members_from<Permission>(kept.at("Statement").as_object()), revision));
  staged.put(key, policy);
  return JsonOut{201, {{"Statement", json::serialize(shown)}}};
}

Result<NameIn> RemovePermission::parse(const Request& request) {
  TRY(FunctionName function, function_name_of(request));
  json::object body{{"StatementId", request.param("StatementId")}};
  if (const std::string revision = request.query_text("RevisionId"); !revision.empty())
    body["RevisionId"] = revision;
  return NameIn{std::move(function), std::move(body)};
}
namespace {
// Whose permission a statement is, as AddPermission got it: the record has the ids of roles.
std::string principal_of(const Permission& statement, const Snapshot& snapshot,
                         const Ports& ports) {
  const json::object document{
      {"Statement", json::array{json::object{{"Principal", statement.principal}}}}};
  const auto shown =
      parse_json_object(show_principals(json::serialize(document), *ports.identities, snapshot));
  if (!shown) return "";
  const json::value& principal = shown->at("Statement").at(0).at("Principal");
  const json::value& named =
      principal.is_object() ? principal.get_object().begin()->value() : principal;
  return std::string(named.as_string());
}
}  // namespace

Result<std::vector<Need>> RemovePermission::needs(const In& in, const Snapshot& s,
                                                  const Ports& ports) {
  CHECK(check_place(in, s.scope()));
  Need need = function_need(action, in, s);
  if (const auto policy = s.get(policy_key(in.settings())))
    if (const Permission* found = find_statement(*policy, text_of(in.body, "StatementId")))
      need.context["lambda:principal"] = {principal_of(*found, s, ports)};
  return std::vector<Need>{std::move(need)};
}
Result<JsonOut> RemovePermission::run(const Authorized<In>& in, Staged& staged) {
  CHECK(tracked_function(staged, *in));
  const auto key = policy_key(in->settings());
  FunctionPolicy policy = staged.get(key).value_or(FunctionPolicy{});
  CHECK(
      remove_statement(policy, text_of(in->body, "StatementId"), text_of(in->body, "RevisionId")));
  if (policy.statements.empty())
    staged.erase(key);
  else
    staged.put(key, policy);
  return JsonOut{204, {}};
}
Result<JsonOut> GetPolicy::run(const Authorized<In>& in, const Snapshot& snapshot) {
  CHECK(find_function(snapshot, *in));
  const auto stored = snapshot.get(policy_key(in->settings()));
  if (!stored)
    return Error{
        404, "ResourceNotFoundException", "The resource you requested does not exist.", {}};
  return JsonOut{
      200,
      {{"Policy", show_principals(stored->policy.text(), *in.ports().identities, snapshot)},
       {"RevisionId", stored->revision}}};
}

Result<JsonOut> PutFunctionConcurrency::run(const Authorized<In>& in, Staged& staged) {
  TRY(Function function, tracked_function(staged, *in));
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
  TRY(Function function, tracked_function(staged, *in));
  function.reserved = std::nullopt;
  staged.put(function_key(in->name), function);
  return JsonOut{204, {}};
}

namespace {
json::object shown_config(const EventConfig& config, const Scope& scope,
                          const FunctionName& function) {
  json::object failure;
  if (!config.on_failure.empty()) failure["Destination"] = config.on_failure;
  json::object body{{"FunctionArn", config_arn(scope, function)},
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
  CHECK(tracked_function(staged, *in));
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
    TRY(config.on_failure, on_failure_of(*destinations));
  }
  config.modified = in.time();
  staged.put(event_config_key(in->settings()), config);
  return JsonOut{200, shown_config(config, staged.snapshot().scope(), *in)};
}
}  // namespace

Result<JsonOut> PutFunctionEventInvokeConfig::run(const Authorized<In>& in, Staged& staged) {
  return put_event_config(in, staged, {});
}
Result<JsonOut> UpdateFunctionEventInvokeConfig::run(const Authorized<In>& in, Staged& staged) {
  auto config = staged.get(event_config_key(in->settings()));
  if (!config) return no_event_config(staged.snapshot().scope(), *in);
  return put_event_config(in, staged, *std::move(config));
}
Result<JsonOut> GetFunctionEventInvokeConfig::run(const Authorized<In>& in,
                                                  const Snapshot& snapshot) {
  const auto config = snapshot.get(event_config_key(in->settings()));
  if (!config) return no_event_config(snapshot.scope(), *in);
  return JsonOut{200, shown_config(*config, snapshot.scope(), *in)};
}
Result<JsonOut> DeleteFunctionEventInvokeConfig::run(const Authorized<In>& in, Staged& staged) {
  if (!staged.get(event_config_key(in->settings())))
    return no_event_config(staged.snapshot().scope(), *in);
  staged.erase(event_config_key(in->settings()));
  return JsonOut{204, {}};
}

Result<ListFunctionEventInvokeConfigs::In> ListFunctionEventInvokeConfigs::parse(
    const Request& request) {
  TRY(NameIn function, parse_name_in(request));
  CHECK(check_whole(function));
  TRY(PageIn page, parse_page(request));
  return In{std::move(function), std::move(page)};
}
// The function's own comes first. The marker is the qualifier that was listed last.
Result<JsonOut> ListFunctionEventInvokeConfigs::run(const Authorized<In>& in,
                                                    const Snapshot& snapshot) {
  if (!snapshot.get(function_key(in->name))) return not_found(snapshot.scope(), in->name);
  const std::string& marker = in->page.marker;
  json::array configs;
  std::string last, next;
  const auto take = [&](const EventConfig& config, const std::string& qualifier) {
    if (configs.size() == static_cast<size_t>(in->page.max)) {
      next = last;
      return false;
    }
    const FunctionName function{in->name, in->region, in->account, qualifier};
    configs.push_back(shown_config(config, snapshot.scope(), function));
    last = qualifier;
    return true;
  };
  if (const auto own = snapshot.get(event_config_key(in->name)); own && marker.empty())
    take(*own, "$LATEST");
  const RecordPrefix<EventConfig> all{};
  const std::string begin = in->name + ":", start = begin + (marker == "$LATEST" ? "" : marker);
  snapshot.scan(all, all.bytes + schema::begun(start), false,
                [&](std::string_view key, const EventConfig& config) {
                  const std::string name = schema::parts(key).back();
                  if (!name.starts_with(begin)) return false;
                  const std::string qualifier = name.substr(begin.size());
                  return qualifier == marker || take(config, qualifier);
                });
  JsonOut out{200, {{"FunctionEventInvokeConfigs", std::move(configs)}}};
  if (!next.empty()) out.body["NextMarker"] = next;
  return out;
}

}  // namespace sluice::lambda
