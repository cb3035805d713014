// SPDX-License-Identifier: Apache-2.0
#pragma once
// Managed policies: CreatePolicy, GetPolicy, ListPolicies, DeletePolicy, and their tags: TagPolicy,
// UntagPolicy, ListPolicyTags.
//
//   constexpr auto rows = table<CreatePolicy, GetPolicy, DeletePolicy>();   // iam.cc
#include "services/iam/managed.h"

namespace sluice::iam {

// A policy as it is answered.
struct PolicyOut {
  ManagedPolicy policy;
  size_t attachments = 0, boundaries = 0;  // how many roles have it, as which
};

// What all answers tell of a policy. Its description is told by GetPolicy and
// GetAccountAuthorizationDetails alone, and its tags not by lists.
void write_policy(XmlWriter& xml, const PolicyOut& out);

struct CreatePolicy {
  static constexpr std::string_view name = "CreatePolicy", action = "iam:CreatePolicy";
  struct In {
    std::string name, path, description, document;
    Tags tags;
  };
  using Out = PolicyOut;
  static Result<In> parse(const Request& request);
  static json::value audit(const Request& request) { return shown(request); }
  // With tags it needs iam:TagPolicy besides.
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out);
  static json::value audit_result(const Out& out);
};
struct GetPolicy : OnPolicy<GetPolicy> {
  static constexpr std::string_view name = "GetPolicy", action = "iam:GetPolicy";
  using Out = PolicyOut;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};
struct ListPolicies {
  static constexpr std::string_view name = "ListPolicies", action = "iam:ListPolicies";
  struct In {
    bool own = true, of_aws = true;  // Scope
    bool only_attached = false;
    Usage usage = Usage::any;
    std::string path_prefix;
    PageIn page;
  };
  struct Out {
    std::vector<PolicyOut> policies;
    std::string next;
  };
  static Result<In> parse(const Request& request);
  static json::value audit(const Request& request) { return shown(request); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{"iam:ListPolicies", "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};
struct DeletePolicy : OnPolicy<DeletePolicy> {
  static constexpr std::string_view name = "DeletePolicy", action = "iam:DeletePolicy";
  using Out = Nothing;
  static Result<In> parse(const Request& request) { return GetPolicy::parse(request); }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};

struct TagPolicyIn {
  std::string arn;
  Tags tags;
};
struct TagPolicy : OnPolicy<TagPolicy, TagPolicyIn> {
  static constexpr std::string_view name = "TagPolicy", action = "iam:TagPolicy";
  using Out = Nothing;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};
struct UntagPolicyIn {
  std::string arn;
  std::vector<std::string> keys;
};
struct UntagPolicy : OnPolicy<UntagPolicy, UntagPolicyIn> {
  static constexpr std::string_view name = "UntagPolicy", action = "iam:UntagPolicy";
  using Out = Nothing;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};
struct ListPolicyTagsIn {
  std::string arn;
  PageIn page;
};
struct ListPolicyTags : OnPolicy<ListPolicyTags, ListPolicyTagsIn> {
  static constexpr std::string_view name = "ListPolicyTags", action = "iam:ListPolicyTags";
  struct Out {
    Tags tags;
    std::string next;
  };
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};

}  // namespace sluice::iam
