// SPDX-License-Identifier: Apache-2.0
#pragma once
// Aliases: names that point to a version, or share the calls out between two. Source: Lambda
// Developer Guide, "Create an alias for a Lambda function", "Implement Lambda canary deployments
// using a weighted alias".
//
//   constexpr auto rows = table<CreateAlias, GetAlias, ListAliases>();   // invoke.cc
#include "services/lambda/model.h"

namespace sluice::lambda {

struct AliasIn : NameIn {
  std::string alias;    // from the path, of CreateAlias from the body
  std::string version;  // that a list is to be about
  PageIn page;
};
Result<AliasIn> parse_alias_in(const Request& request);
json::value audit_alias(const AliasIn& in, const Request& request);

// An operation on the aliases of a function.
template <class Self>
struct OnAlias : OnFunction<Self> {
  using In = AliasIn;
  static Result<In> parse(const Request& request) { return parse_alias_in(request); }
  static json::value audit(const Request& request) {
    const auto in = parse_alias_in(request);
    return in ? audit_alias(*in, request) : json::value();
  }
};
#define SLUICE_ALIAS_OPERATION(operation, verb, rest, state)                                    \
  struct operation : OnAlias<operation> {                                                       \
    static constexpr std::string_view name = #operation, action = "lambda:" #operation;         \
    static constexpr Match match{verb, "/2015-03-31/functions/{FunctionName}/aliases" rest, "", \
                                 ""};                                                           \
    static Result<Out> run(const Authorized<In>& in, state);                                    \
  }
SLUICE_ALIAS_OPERATION(CreateAlias, "POST", "", Staged& staged);
SLUICE_ALIAS_OPERATION(ListAliases, "GET", "", const Snapshot& snapshot);
SLUICE_ALIAS_OPERATION(GetAlias, "GET", "/{Name}", const Snapshot& snapshot);
SLUICE_ALIAS_OPERATION(UpdateAlias, "PUT", "/{Name}", Staged& staged);
SLUICE_ALIAS_OPERATION(DeleteAlias, "DELETE", "/{Name}", Staged& staged);

}  // namespace sluice::lambda
