// SPDX-License-Identifier: Apache-2.0
#pragma once
// CreateFunction, GetFunction, GetFunctionConfiguration, ListFunctions, UpdateFunctionCode,
// UpdateFunctionConfiguration and DeleteFunction. The code is a zip in the request (base64, at most
// 50 MB) or an object of S3 that the caller may read, and at most 250 MB when it is unzipped,
// together with the layers.
//
//   constexpr auto rows = table<CreateFunction, GetFunction, ListFunctions>();   // invoke.cc
#include "services/lambda/model.h"

namespace sluice::lambda {

// The configuration of a function as the API shows it. `qualifier` stands in its ARN.
json::object shown_function(const Function& function, const Snapshot& snapshot,
                            const std::string& qualifier = {});
// Errors: PreconditionFailedException when the body names another RevisionId.
Result<Done> check_revision(const json::object& body, const std::string& revision);

struct CreateFunction : OnFunction<CreateFunction> {
  static constexpr std::string_view name = "CreateFunction", action = "lambda:CreateFunction";
  static constexpr Match match{"POST", "/2015-03-31/functions", "", ""};
  static Result<In> parse(const Request& request);
  // It also needs iam:PassRole on the role of the function.
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct UpdateFunctionConfiguration : OnFunction<UpdateFunctionConfiguration> {
  static constexpr std::string_view name = "UpdateFunctionConfiguration",
                                    action = "lambda:UpdateFunctionConfiguration";
  static constexpr Match match{"PUT", "/2015-03-31/functions/{FunctionName}/configuration", "", ""};
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
SLUICE_LAMBDA_OPERATION(UpdateFunctionCode, "PUT", "/2015-03-31/functions/{FunctionName}/code",
                        Staged& staged);
SLUICE_LAMBDA_QUALIFIED(GetFunction, "GET", "/2015-03-31/functions/{FunctionName}",
                        const Snapshot& snapshot);
SLUICE_LAMBDA_QUALIFIED(GetFunctionConfiguration, "GET",
                        "/2015-03-31/functions/{FunctionName}/configuration",
                        const Snapshot& snapshot);
// Of a version, or of the whole function with its versions and aliases.
SLUICE_LAMBDA_QUALIFIED(DeleteFunction, "DELETE", "/2015-03-31/functions/{FunctionName}",
                        Staged& staged);

struct ListFunctions {
  static constexpr std::string_view name = "ListFunctions", action = "lambda:ListFunctions";
  static constexpr Match match{"GET", "/2015-03-31/functions", "", ""};
  struct In : PageIn {
    bool versions = false;  // of each function all versions, not $LATEST alone
  };
  using Out = JsonOut;
  static Result<In> parse(const Request& request);
  static json::value audit(const Request& request) {
    return shown_fields(request, {"FunctionVersion", "Marker", "MaxItems"});
  }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out) { return render_out(out); }
};

}  // namespace sluice::lambda
