// SPDX-License-Identifier: Apache-2.0
#pragma once
// Published versions: what a function was at some time, under a number that is never used again,
// not even for a function of the same name that is made later. Source: Lambda Developer Guide,
// "Manage Lambda function versions".
//
//   TRY(const Version version, publish_version(staged, function, in.time()));
//   return JsonOut{201, shown_function(version, staged.snapshot(), version.version)};
#include "services/lambda/model.h"

namespace sluice::lambda {

constexpr int64_t kQualifiersMax = 10'000;  // versions and aliases of a function

// Publishes `function`, which is $LATEST and was read with Staged::get, or gives the version that
// was published last when nothing has changed since. "" as description: that of $LATEST. Errors:
// CodeStorageExceededException.
Result<Version> publish_version(Staged& staged, const Function& function, Time time,
                                const std::optional<std::string>& description = {});
// Notes that there is one version or alias more (+1) or less (-1), or that one has changed (0).
// Errors: CodeStorageExceededException.
Result<Done> count_qualifier(Staged& staged, const std::string& function, int64_t change);
// $LATEST was `before` and becomes `after`: the file of its code goes, unless a version has it.
void release_code(Staged& staged, const Function& before, const Function& after);
Result<JsonOut> delete_version(const FunctionName& version, Staged& staged);
// With all versions and aliases, and what belongs to them.
Result<JsonOut> delete_function(const FunctionName& function, Staged& staged);

SLUICE_LAMBDA_OPERATION(PublishVersion, "POST", "/2015-03-31/functions/{FunctionName}/versions",
                        Staged& staged);

struct ListVersionsByFunction : OnFunction<ListVersionsByFunction> {
  static constexpr std::string_view name = "ListVersionsByFunction",
                                    action = "lambda:ListVersionsByFunction";
  static constexpr Match match{"GET", "/2015-03-31/functions/{FunctionName}/versions", "", ""};
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
