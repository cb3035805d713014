// SPDX-License-Identifier: Apache-2.0
#pragma once
// The versions of managed policies: CreatePolicyVersion, GetPolicyVersion, ListPolicyVersions,
// SetDefaultPolicyVersion, DeletePolicyVersion. A policy has at most five, v1, v2 and so on; the
// default version is the one that counts.
//
//   constexpr auto rows = table<CreatePolicyVersion, GetPolicyVersion>();   // iam.cc
#include "services/iam/managed.h"

namespace sluice::iam {

struct PolicyVersionIn {
  std::string arn, document;
  std::string version;  // VersionId: "v2"
  bool set_as_default = false;
  PageIn page;
};
// Versions as they are answered.
struct PolicyVersionsOut {
  int64_t default_version = 0;
  std::vector<PolicyVersion> versions;
  std::string next;
};

struct CreatePolicyVersion : OnPolicy<CreatePolicyVersion, PolicyVersionIn> {
  static constexpr std::string_view name = "CreatePolicyVersion",
                                    action = "iam:CreatePolicyVersion";
  using Out = PolicyVersionsOut;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out);
  static json::value audit_result(const Out& out);
};
struct GetPolicyVersion : OnPolicy<GetPolicyVersion, PolicyVersionIn> {
  static constexpr std::string_view name = "GetPolicyVersion", action = "iam:GetPolicyVersion";
  using Out = PolicyVersionsOut;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};
struct ListPolicyVersions : OnPolicy<ListPolicyVersions, PolicyVersionIn> {
  static constexpr std::string_view name = "ListPolicyVersions", action = "iam:ListPolicyVersions";
  using Out = PolicyVersionsOut;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};
struct SetDefaultPolicyVersion : OnPolicy<SetDefaultPolicyVersion, PolicyVersionIn> {
  static constexpr std::string_view name = "SetDefaultPolicyVersion",
                                    action = "iam:SetDefaultPolicyVersion";
  using Out = Nothing;
  static Result<In> parse(const Request& request) { return GetPolicyVersion::parse(request); }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};
struct DeletePolicyVersion : OnPolicy<DeletePolicyVersion, PolicyVersionIn> {
  static constexpr std::string_view name = "DeletePolicyVersion",
                                    action = "iam:DeletePolicyVersion";
  using Out = Nothing;
  static Result<In> parse(const Request& request) { return GetPolicyVersion::parse(request); }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};

}  // namespace sluice::iam
