// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the operations of Lambda share: how a request names a function, what it needs, and its
// answer in JSON.
//
//   TRY(const FunctionName function, function_name_of(request));
//   CHECK(check_place(function, snapshot.scope()));
//   TRY(const auto version, find_function(snapshot, function));
//   return std::vector<Need>{function_need(action, function, snapshot)};
#include "request/audit.h"
#include "services/lambda/lambda.h"
#include "services/lambda/records.h"

namespace sluice::lambda {

// `name` may have a qualifier after it: "ingest:prod".
inline std::string function_arn(const Scope& scope, std::string_view name) {
  return make_arn(scope, "lambda", "function:" + std::string(name));
}
inline Error invalid(std::string text) {
  return {400, "InvalidParameterValueException", std::move(text), {}};
}
inline Error not_found(const Scope& scope, const std::string& name) {
  return {404, "ResourceNotFoundException", "Function not found: " + function_arn(scope, name), {}};
}
inline Response render_json(int status, const json::object& body) {
  Response r{status, {}, json::serialize(body), nullptr, 0};
  r.headers.add("content-type", "application/json");
  return r;
}

// The {FunctionName} of a path: a name, an ARN, or account:function:name, each with a qualifier
// after it or not. Errors: ValidationException, InvalidParameterValueException.
struct FunctionName {
  // `region` and `account` are "" when the request did not give them.
  std::string name, region, account;
  std::string qualifier;  // "$LATEST", the number of a version, the name of an alias, or ""
  std::string qualified() const { return qualifier.empty() ? name : name + ":" + qualifier; }
  // What its policy and its EventConfig stand under: $LATEST has those of the function.
  std::string settings() const { return qualifier == "$LATEST" ? name : qualified(); }
};
Result<FunctionName> function_name_of(const Request& request);
// A reference without a request: "name", "name:prod" or the ARN of either.
Result<FunctionName> function_name_of(std::string_view reference);
// Errors: ResourceNotFoundException when it is in another Region or account.
Result<Done> check_place(const FunctionName& function, const Scope& scope);
// Whether a qualifier is the number of a version; if not, it is $LATEST or an alias.
bool is_number(std::string_view qualifier);
// For what a function has as a whole: takes $LATEST away, refuses any other qualifier.
Result<Done> check_whole(FunctionName& function);
// $LATEST or the version that the qualifier names; of an alias with weights, the one that it is
// for. Errors: ResourceNotFoundException.
Result<std::shared_ptr<const Function>> find_function(const Snapshot& snapshot,
                                                      const FunctionName& function);
// The same for a call: an alias with weights gives each of its versions its share.
Result<std::shared_ptr<const Function>> choose_function(const Snapshot& snapshot,
                                                        const FunctionName& function);
// Reads the function, and the version or alias of the qualifier, so that a commit that removes one
// of them first is a conflict. Returns $LATEST. Errors: ResourceNotFoundException.
Result<Function> tracked_function(Staged& staged, const FunctionName& function);
// A need on the function, with the resource-based policy of the qualifier, and the tags. The
// resource is the ARN with the qualifier, as it was asked for: a policy that names the function
// alone does not bear on it.
Need function_need(std::string_view action, const FunctionName& function, const Snapshot& snapshot);
// The encryption context of the code's data key.
json::object code_context(const Scope& scope, const std::string& name);

// The JSON body of a request. Errors: InvalidRequestContentException.
Result<json::object> parse_body(const Request& request);

struct NameIn : FunctionName {
  json::object body;
};
// Also reads the JSON body, when there is one.
Result<NameIn> parse_name_in(const Request& request);
// Takes the bytes of a package out of what is shown: a zipFile of the member `name`.
void hide_package(json::object& shown, std::string_view name);
// The body in camel case, without the code and without the values of the environment.
json::value audit_function(const NameIn& in);
struct JsonOut {
  int status = 200;
  json::object body;
};
inline Response render_out(const JsonOut& out) {
  return out.status == 204 ? Response{204, {}, "", nullptr, 0} : render_json(out.status, out.body);
}

// An operation on one function. It may have more members (request/operation.h), `add_context`,
// which adds condition keys to its need, and `qualified`: it takes a version or an alias.
template <class Self>
struct OnFunction {
  using In = NameIn;
  using Out = JsonOut;
  static Result<In> parse(const Request& request) {
    TRY(In in, parse_name_in(request));
    if constexpr (!requires { Self::qualified; }) CHECK(check_whole(in));
    return in;
  }
  // `in` is what the operation itself has as In, which may have more members.
  static Result<std::vector<Need>> needs(const auto& in, const Snapshot& s) {
    CHECK(check_place(in, s.scope()));
    Need need = function_need(Self::action, in, s);
    if constexpr (requires { Self::add_context(need.context, in, s); })
      Self::add_context(need.context, in, s);
    return std::vector<Need>{std::move(need)};
  }
  static Response render(const Out& out) { return render_out(out); }
  static json::value audit(const In& in) { return audit_function(in); }
  static json::value audit_result(const Out& out) {
    json::value shown = shown_answer(out.body);
    if (shown.is_object() && shown.as_object().contains("environment"))
      shown.as_object()["environment"] = json::object{};
    return shown;
  }
};
#define SLUICE_LAMBDA_OPERATION(operation, verb, route, state, ...)                     \
  struct operation : OnFunction<operation> {                                            \
    static constexpr std::string_view name = #operation, action = "lambda:" #operation; \
    static constexpr Match match{verb, route, "", ""};                                  \
    __VA_ARGS__                                                                         \
    static Result<Out> run(const Authorized<In>& in, state);                            \
  }
#define SLUICE_LAMBDA_QUALIFIED(operation, verb, route, state) \
  SLUICE_LAMBDA_OPERATION(operation, verb, route, state, static constexpr bool qualified = true;)

// A page of a list: from the query parameters Marker and MaxItems.
struct PageIn {
  std::string marker;
  int64_t max = 50;
};
// Errors: InvalidParameterValueException.
Result<PageIn> parse_page(const Request& request, int64_t max = 50);
// Of a GET on a function: its name, and these parameters of the query.
json::value audit_query(const Request& request, std::initializer_list<std::string_view> names);

}  // namespace sluice::lambda
