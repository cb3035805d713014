// SPDX-License-Identifier: Apache-2.0
#pragma once
// CreateGrant, ListGrants, ListRetirableGrants, RevokeGrant and RetireGrant. A key may have 50,000
// grants, a constraint 8 pairs of an encryption context. Errors: NotFoundException,
// InvalidArnException, InvalidGrantTokenException, InvalidGrantIdException, LimitExceededException.
//
//   constexpr auto rows = table<CreateGrant, ListGrants, RevokeGrant>();   // kms.cc
#include "services/kms/operation.h"

namespace sluice::kms {

struct CreateGrant : OnKey<CreateGrant> {
  static constexpr std::string_view name = "CreateGrant", action = "kms:CreateGrant";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& snapshot);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static json::value audit(const In& in);
  static json::value audit_result(const Out& out);
};
struct ListGrants : OnKey<ListGrants> {
  static constexpr std::string_view name = "ListGrants", action = "kms:ListGrants";
  static void add_context(policy::Context& context, const json::object&) {
    context["kms:grantisforawsresource"] = {"false"};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
// In the whole account: it needs no right on the keys.
struct ListRetirableGrants : OnKey<ListRetirableGrants> {
  static constexpr std::string_view name = "ListRetirableGrants",
                                    action = "kms:ListRetirableGrants";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
struct RevokeGrant : OnKey<RevokeGrant> {
  static constexpr std::string_view name = "RevokeGrant", action = "kms:RevokeGrant";
  static void add_context(policy::Context& context, const json::object&) {
    context["kms:grantisforawsresource"] = {"false"};
  }
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static json::value audit_result(const Out& out) { return audit_change(out); }
};
// Who may is said by the grant: its retiring principal, its grantee when RetireGrant is among its
// operations, and the account, which hands the right on by kms:RetireGrant in IAM policies. The
// policy of the key has no say.
struct RetireGrant : OnKey<RetireGrant> {
  static constexpr std::string_view name = "RetireGrant", action = "kms:RetireGrant";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& snapshot);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static json::value audit(const In& in);
  static json::value audit_result(const Out& out) { return audit_change(out); }
};

}  // namespace sluice::kms
