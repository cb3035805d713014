// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tags of roles: TagRole, UntagRole, ListRoleTags. Policies see them as aws:PrincipalTag/<key> of
// the role's sessions, and as aws:ResourceTag/<key> and iam:ResourceTag/<key> of the role.
//
//   constexpr auto rows = table<TagRole, UntagRole, ListRoleTags>();   // iam.cc
#include "services/iam/roles.h"

namespace sluice::iam {

struct TagRole : RoleOperation {
  static constexpr std::string_view name = "TagRole", action = "iam:TagRole";
  using Out = Nothing;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};
struct UntagRole {
  static constexpr std::string_view name = "UntagRole", action = "iam:UntagRole";
  struct In {
    std::string role;
    std::vector<std::string> keys;
  };
  using Out = Nothing;
  static json::value audit(const Request& request) { return shown(request); }
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};
struct ListRoleTags {
  static constexpr std::string_view name = "ListRoleTags", action = "iam:ListRoleTags";
  struct In {
    std::string role;
    PageIn page;
  };
  struct Out {
    Tags tags;
    std::string next;
  };
  static json::value audit(const Request& request) { return shown(request); }
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{role_need(action, in.role, s)};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};

}  // namespace sluice::iam
