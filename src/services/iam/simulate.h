// SPDX-License-Identifier: Apache-2.0
#pragma once
// What policies would decide, asked of the engine that decides: SimulatePrincipalPolicy,
// SimulateCustomPolicy; and which condition keys they look at: GetContextKeysForPrincipalPolicy,
// GetContextKeysForCustomPolicy. Source: IAM API Reference and "IAM policy testing".
//
//   constexpr auto rows = table<SimulatePrincipalPolicy, SimulateCustomPolicy>();   // iam.cc
#include "services/iam/managed.h"

namespace sluice::iam {

constexpr size_t kSimulatedPoliciesMax = 20;  // limit: documents that one simulation brings
constexpr size_t kSimulatedNamesMax = 256;    // limit: actions, and resources, of one simulation
constexpr size_t kSimulatedKeysMax = 256;     // limit: condition keys of one simulation

// The texts of the policies, by the names under which results name them.
using PolicyTexts = std::map<std::string, std::string>;

struct SimulationIn {
  std::string role;  // PolicySourceArn; "": the policies that are given alone
  std::vector<policy::Attached> policies;
  std::optional<std::vector<policy::Attached>> boundary;  // instead of the role's own
  PolicyTexts texts;                                      // of both
  std::vector<std::string> actions, resources;
  std::string resource_policy, resource_account;
  policy::Principal caller;  // CallerArn, when no role is named
  policy::Context context;
  PageIn page;
};
struct MatchedStatement {
  policy::Kind kind;
  std::string policy;           // its name
  std::optional<size_t> index;  // in its policy; nullopt: it does not parse
};
struct SimulatedResult {
  std::string action, resource;
  policy::Outcome outcome;
  std::vector<MatchedStatement> statements;
  std::optional<bool> within_boundary;  // nullopt: there is no boundary
};
struct SimulationOut {
  std::vector<SimulatedResult> results;  // one for each action on each resource
  std::vector<std::string> missing;      // condition keys that the policies look at
  PolicyTexts texts;
  std::string next;
};
struct Simulation {
  using In = SimulationIn;
  using Out = SimulationOut;
  static json::value audit(const Request& request);
  static Result<In> parse(const Request& request, const std::string& role);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};
struct SimulatePrincipalPolicy : Simulation {
  static constexpr std::string_view name = "SimulatePrincipalPolicy",
                                    action = "iam:SimulatePrincipalPolicy";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{role_need(action, in.role, s)};
  }
};
struct SimulateCustomPolicy : Simulation {
  static constexpr std::string_view name = "SimulateCustomPolicy",
                                    action = "iam:SimulateCustomPolicy";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
};

struct ContextKeys {
  struct In {
    std::string role;
    std::vector<policy::Attached> policies;
  };
  struct Out {
    std::vector<std::string> keys;
  };
  static json::value audit(const Request& request) { return Simulation::audit(request); }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};
struct GetContextKeysForPrincipalPolicy : ContextKeys {
  static constexpr std::string_view name = "GetContextKeysForPrincipalPolicy",
                                    action = "iam:GetContextKeysForPrincipalPolicy";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{role_need(action, in.role, s)};
  }
};
struct GetContextKeysForCustomPolicy : ContextKeys {
  static constexpr std::string_view name = "GetContextKeysForCustomPolicy",
                                    action = "iam:GetContextKeysForCustomPolicy";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
};

}  // namespace sluice::iam
