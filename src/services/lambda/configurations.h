// SPDX-License-Identifier: Apache-2.0
#pragma once
// The resource-based policy and the asynchronous configuration of a function, a version or an
// alias, and the reserved concurrency of a function.
//
//   SLUICE_LAMBDA_QUALIFIED(GetPolicy, "GET", "/2015-03-31/functions/{FunctionName}/policy",
//                           const Snapshot& snapshot);
//   Result<JsonOut> GetPolicy::run(const Authorized<In>& in, const Snapshot& snapshot) { ... }
#include "services/lambda/model.h"

namespace sluice::lambda {

struct AddPermission : OnFunction<AddPermission> {
  static constexpr std::string_view name = "AddPermission", action = "lambda:AddPermission";
  static constexpr Match match{"POST", "/2015-03-31/functions/{FunctionName}/policy", "", ""};
  static constexpr bool qualified = true;
  static void add_context(policy::Context& context, const In& in, const Snapshot&) {
    if (const std::string principal = text_of(in.body, "Principal"); !principal.empty())
      context["lambda:principal"] = {principal};
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
SLUICE_LAMBDA_QUALIFIED(GetPolicy, "GET", "/2015-03-31/functions/{FunctionName}/policy",
                        const Snapshot& snapshot);
SLUICE_LAMBDA_OPERATION(PutFunctionConcurrency, "PUT",
                        "/2017-10-31/functions/{FunctionName}/concurrency", Staged& staged);
SLUICE_LAMBDA_OPERATION(GetFunctionConcurrency, "GET",
                        "/2019-09-30/functions/{FunctionName}/concurrency",
                        const Snapshot& snapshot);
SLUICE_LAMBDA_OPERATION(DeleteFunctionConcurrency, "DELETE",
                        "/2017-10-31/functions/{FunctionName}/concurrency", Staged& staged);
SLUICE_LAMBDA_QUALIFIED(PutFunctionEventInvokeConfig, "PUT",
                        "/2019-09-25/functions/{FunctionName}/event-invoke-config", Staged& staged);
SLUICE_LAMBDA_QUALIFIED(UpdateFunctionEventInvokeConfig, "POST",
                        "/2019-09-25/functions/{FunctionName}/event-invoke-config", Staged& staged);
SLUICE_LAMBDA_QUALIFIED(GetFunctionEventInvokeConfig, "GET",
                        "/2019-09-25/functions/{FunctionName}/event-invoke-config",
                        const Snapshot& snapshot);
SLUICE_LAMBDA_QUALIFIED(DeleteFunctionEventInvokeConfig, "DELETE",
                        "/2019-09-25/functions/{FunctionName}/event-invoke-config", Staged& staged);

struct RemovePermission : OnFunction<RemovePermission> {
  static constexpr std::string_view name = "RemovePermission", action = "lambda:RemovePermission";
  static constexpr Match match{"DELETE",
                               "/2015-03-31/functions/{FunctionName}/policy/{StatementId}", "", ""};
  static constexpr bool qualified = true;
  // The body of the input becomes {"StatementId": ..., "RevisionId": ...}.
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};

struct ListFunctionEventInvokeConfigs : OnFunction<ListFunctionEventInvokeConfigs> {
  static constexpr std::string_view name = "ListFunctionEventInvokeConfigs",
                                    action = "lambda:ListFunctionEventInvokeConfigs";
  static constexpr Match match{
      "GET", "/2019-09-25/functions/{FunctionName}/event-invoke-config/list", "", ""};
  struct In : NameIn {
    PageIn page;
  };
  static Result<In> parse(const Request& request);
  static json::value audit(const Request& request) {
    return audit_query(request, {"Marker", "MaxItems"});
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};

}  // namespace sluice::lambda
