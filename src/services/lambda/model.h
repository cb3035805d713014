// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the operations of Lambda share: how a request names a function, what it needs, and its
// answer in JSON.
//
//   TRY(const FunctionName function, function_name_of(request));
//   CHECK(check_place(function, snapshot.scope()));
//   return std::vector<Need>{function_need(action, function.name, snapshot)};
#include "request/audit.h"
#include "services/lambda/lambda.h"
#include "services/lambda/records.h"

namespace sluice::lambda {

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

// The {FunctionName} of a path: a name, an ARN, or account:function:name, each with :$LATEST after
// it or not. Errors: ValidationException, InvalidParameterValueException; ResourceNotFoundException
// for another qualifier, because versions and aliases are not built.
struct FunctionName {
  // `region` and `account` are "" when the request did not give them.
  std::string name, region, account;
};
Result<FunctionName> function_name_of(const Request& request);
// Errors: ResourceNotFoundException when it is in another Region or account.
Result<Done> check_place(const FunctionName& function, const Scope& scope);
// A need on the function, with its resource-based policy.
Need function_need(std::string_view action, const std::string& name, const Snapshot& snapshot);
// The encryption context of the code's data key.
json::object code_context(const Scope& scope, const std::string& name);

struct NameIn : FunctionName {
  json::object body;
};
// Also reads the JSON body, when there is one.
Result<NameIn> parse_name_in(const Request& request);
// The body in camel case, without the code and without the values of the environment.
json::value audit_function(const NameIn& in);
struct JsonOut {
  int status = 200;
  json::object body;
};
inline Response render_out(const JsonOut& out) {
  return out.status == 204 ? Response{204, {}, "", nullptr, 0} : render_json(out.status, out.body);
}

// An operation on one function. It may have more members (request/operation.h), and `add_context`,
// which adds condition keys to its need.
template <class Self>
struct OnFunction {
  using In = NameIn;
  using Out = JsonOut;
  static Result<In> parse(const Request& request) { return parse_name_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    CHECK(check_place(in, s.scope()));
    Need need = function_need(Self::action, in.name, s);
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
#define SLUICE_LAMBDA_OPERATION(operation, verb, route, state)                          \
  struct operation : OnFunction<operation> {                                            \
    static constexpr std::string_view name = #operation, action = "lambda:" #operation; \
    static constexpr Match match{verb, route, "", ""};                                  \
    static Result<Out> run(const Authorized<In>& in, state);                            \
  }

}  // namespace sluice::lambda
