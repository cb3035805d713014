// SPDX-License-Identifier: Apache-2.0
#pragma once
// Everything that IAM has, in pages: GetAccountAuthorizationDetails. Scanners and auditors read it.
//
//   constexpr auto rows = table<GetAccountAuthorizationDetails>();   // iam.cc
#include "services/iam/managed_policies.h"

namespace sluice::iam {

struct GetAccountAuthorizationDetails {
  static constexpr std::string_view name = "GetAccountAuthorizationDetails",
                                    action = "iam:GetAccountAuthorizationDetails";
  struct In {
    // Filter. All when it is absent; users and groups there are none.
    bool roles = true, own_policies = true, aws_policies = true;
    PageIn page;
  };
  struct RoleDetail {
    Role role;
    std::vector<std::pair<std::string, std::string>> inline_policies;  // name and text
    LastUse last_use;
  };
  struct Out {
    std::vector<RoleDetail> roles;
    std::vector<PolicyOut> policies;  // of AWS's those that some role has
    std::string next;
  };
  static json::value audit(const Request& request);
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};

}  // namespace sluice::iam
