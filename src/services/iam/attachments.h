// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which managed policies a role has: AttachRolePolicy, DetachRolePolicy, ListAttachedRolePolicies,
// ListEntitiesForPolicy. What is attached counts from the next call on, also for sessions that
// there are.
//
//   constexpr auto rows = table<AttachRolePolicy, DetachRolePolicy>();   // iam.cc
#include "services/iam/managed.h"

namespace sluice::iam {

struct AttachmentIn {
  std::string role, arn;
};
// An operation on a role and a policy. The policy is asked about with iam:PolicyARN.
template <class Self>
struct OnAttachment {
  using In = AttachmentIn;
  using Out = Nothing;
  static json::value audit(const Request& request) { return shown(request); }
  static Result<In> parse(const Request& request) {
    In in;
    TRY(in.role, role_name_of(request));
    TRY(in.arn, policy_arn_of(request));
    return in;
  }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    Need need = bounded_role_need(Self::action, in.role, s);
    need.context["iam:policyarn"] = {in.arn};
    return std::vector<Need>{std::move(need)};
  }
  static Response render(const Out&) { return {}; }
};
struct AttachRolePolicy : OnAttachment<AttachRolePolicy> {
  static constexpr std::string_view name = "AttachRolePolicy", action = "iam:AttachRolePolicy";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct DetachRolePolicy : OnAttachment<DetachRolePolicy> {
  static constexpr std::string_view name = "DetachRolePolicy", action = "iam:DetachRolePolicy";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};

struct ListAttachedRolePolicies {
  static constexpr std::string_view name = "ListAttachedRolePolicies",
                                    action = "iam:ListAttachedRolePolicies";
  struct In {
    std::string role, path_prefix;
    PageIn page;
  };
  struct Out {
    std::vector<std::string> arns;
    std::string next;
  };
  static Result<In> parse(const Request& request);
  static json::value audit(const Request& request) { return shown(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{role_need(action, in.role, s)};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};

struct EntitiesIn {
  std::string arn, path_prefix;
  bool none = false;  // users or groups are asked for, which there are not
  Usage usage = Usage::any;
  PageIn page;
};
struct ListEntitiesForPolicy : OnPolicy<ListEntitiesForPolicy, EntitiesIn> {
  static constexpr std::string_view name = "ListEntitiesForPolicy",
                                    action = "iam:ListEntitiesForPolicy";
  struct Out {
    std::vector<std::pair<std::string, std::string>> roles;  // name and id
    std::string next;
  };
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};

}  // namespace sluice::iam
