// SPDX-License-Identifier: Apache-2.0
#pragma once
// Calls that ask for what no account here has: ListUsers, ListGroups, ListVirtualMFADevices,
// ListServerCertificates, ListSAMLProviders, ListAccountAliases, ListInstanceProfiles,
// ListInstanceProfilesForRole, GetAccountSummary, GetAccountPasswordPolicy,
// GenerateCredentialReport and GetCredentialReport. Scanners ask for these, and when they are
// refused, a finding stays open. The truth is "none".
//
//   constexpr auto rows = table<ListUsers, ListGroups, GetAccountSummary>();   // iam.cc
#include "services/iam/roles.h"

namespace sluice::iam {

// Lists things that Sluice does not have. Its parameters are checked as AWS checks them.
template <class Kind>
struct ListsNone {
  static constexpr std::string_view name = Kind::name, action = Kind::action;
  struct In {};
  using Out = Nothing;
  static json::value audit(const Request& request) { return shown(request); }
  static Result<In> parse(const Request& request) {
    CHECK(page_of(request));
    CHECK(path_prefix_of(request));
    CHECK(assignment_status_of(request));
    return In{};
  }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>&, const Snapshot&) { return Nothing{}; }
  static Response render(const Out&) {
    return {200, {}, std::string(Kind::none) + "<IsTruncated>false</IsTruncated>", nullptr, 0};
  }
};
struct UsersKind {
  static constexpr std::string_view name = "ListUsers", action = "iam:ListUsers", none = "<Users/>";
};
struct GroupsKind {
  static constexpr std::string_view name = "ListGroups", action = "iam:ListGroups",
                                    none = "<Groups/>";
};
struct VirtualMfaDevicesKind {
  static constexpr std::string_view name = "ListVirtualMFADevices",
                                    action = "iam:ListVirtualMFADevices",
                                    none = "<VirtualMFADevices/>";
};
struct ServerCertificatesKind {
  static constexpr std::string_view name = "ListServerCertificates",
                                    action = "iam:ListServerCertificates",
                                    none = "<ServerCertificateMetadataList/>";
};
struct SamlProvidersKind {
  static constexpr std::string_view name = "ListSAMLProviders", action = "iam:ListSAMLProviders",
                                    none = "<SAMLProviderList/>";
};
struct AccountAliasesKind {
  static constexpr std::string_view name = "ListAccountAliases", action = "iam:ListAccountAliases",
                                    none = "<AccountAliases/>";
};
struct InstanceProfilesKind {
  static constexpr std::string_view name = "ListInstanceProfiles",
                                    action = "iam:ListInstanceProfiles",
                                    none = "<InstanceProfiles/>";
};
using ListSAMLProviders = ListsNone<SamlProvidersKind>;
using ListAccountAliases = ListsNone<AccountAliasesKind>;
using ListInstanceProfiles = ListsNone<InstanceProfilesKind>;
using ListUsers = ListsNone<UsersKind>;
using ListGroups = ListsNone<GroupsKind>;
using ListVirtualMFADevices = ListsNone<VirtualMfaDevicesKind>;
using ListServerCertificates = ListsNone<ServerCertificatesKind>;

// Whoever deletes a role asks for these first.
struct ListInstanceProfilesForRole : RoleOperation {
  static constexpr std::string_view name = "ListInstanceProfilesForRole",
                                    action = "iam:ListInstanceProfilesForRole";
  using Out = Nothing;
  static Result<In> parse(const Request& request) {
    CHECK(page_of(request));
    return GetRole::parse(request);
  }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return role_needs<ListInstanceProfilesForRole>(in, s);
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot) {
    if (!snapshot.get(role_key(in->name))) return no_such_role(in->name);
    return Nothing{};
  }
  static Response render(const Out&) {
    return {200, {}, "<InstanceProfiles/><IsTruncated>false</IsTruncated>", nullptr, 0};
  }
};

// A call that has no parameters.
struct AccountOperation {
  struct In {};
  static json::value audit(const Request&) { return nullptr; }
  static Result<In> parse(const Request&) { return In{}; }
};
struct GetAccountSummary : AccountOperation {
  static constexpr std::string_view name = "GetAccountSummary", action = "iam:GetAccountSummary";
  struct Out {
    int64_t roles = 0, policies = 0, versions = 0, providers = 0;
  };
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{"iam:GetAccountSummary", "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};
// Answers NoSuchEntity, because nobody has a password.
struct GetAccountPasswordPolicy : AccountOperation {
  static constexpr std::string_view name = "GetAccountPasswordPolicy",
                                    action = "iam:GetAccountPasswordPolicy";
  using Out = Nothing;
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{"iam:GetAccountPasswordPolicy", "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out&) { return {}; }
};

// The report has a line for each user with a password or access keys, and for the account's root:
// here it has the head alone. It is made when it is read, so it is always complete.
struct GenerateCredentialReport : AccountOperation {
  static constexpr std::string_view name = "GenerateCredentialReport",
                                    action = "iam:GenerateCredentialReport";
  using Out = Nothing;
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>&, const Snapshot&) { return Nothing{}; }
  static Response render(const Out&) { return {200, {}, "<State>COMPLETE</State>", nullptr, 0}; }
};
struct GetCredentialReport : AccountOperation {
  static constexpr std::string_view name = "GetCredentialReport",
                                    action = "iam:GetCredentialReport";
  struct Out {
    Time made;
  };
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot&) { return Out{in.time()}; }
  static Response render(const Out& out);
};

}  // namespace sluice::iam
