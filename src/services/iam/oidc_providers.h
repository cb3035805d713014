// SPDX-License-Identifier: Apache-2.0
#pragma once
// OpenID Connect providers: whose tokens STS may take for whom (services/sts/web_identity.h).
// Thumbprints are kept and not used: the keys of a provider are those that the operator registers.
// Source: IAM API Reference; IAM User Guide, "Create an OpenID Connect identity provider".
//
//   constexpr auto rows = table<CreateOpenIDConnectProvider, GetOpenIDConnectProvider>();  //
//   iam.cc
#include "services/iam/managed.h"

namespace sluice::iam {

constexpr size_t kProviderUrlMax = 255, kClientIdMax = 255;
constexpr size_t kClientIdsMax = 100;  // of an OIDC provider
constexpr size_t kThumbprintsMax = 5;  // of an OIDC provider
constexpr size_t kProvidersMax = 100;  // OIDC providers of the account

json::value shown_provider(const Request& request);
// The URL without https:// that an ARN says.
Result<std::string> provider_url_of(const Request& request);
std::string provider_arn(const Scope& scope, std::string_view url);
// What a call asks of a provider that there may be: with the condition keys of its tags.
Need provider_need(std::string_view action, const std::string& url, const Snapshot& snapshot);

struct ProviderIn {
  std::string url;
};
// An operation on one provider, which OpenIDConnectProviderArn names.
template <class Self, class Input = ProviderIn>
struct OnProvider {
  using In = Input;
  static json::value audit(const Request& request) { return shown_provider(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{provider_need(Self::action, in.url, s)};
  }
};
struct ProviderOut {
  OidcProvider provider;
};

struct CreateOpenIDConnectProvider {
  static constexpr std::string_view name = "CreateOpenIDConnectProvider",
                                    action = "iam:CreateOpenIDConnectProvider";
  struct In {
    std::string url;
    std::vector<std::string> client_ids, thumbprints;
    Tags tags;
  };
  struct Out {
    std::string arn;
    Tags tags;
  };
  static Result<In> parse(const Request& request);
  static json::value audit(const Request& request) { return shown_provider(request); }
  // With tags it needs iam:TagOpenIDConnectProvider besides.
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out);
  static json::value audit_result(const Out& out);
};
struct GetOpenIDConnectProvider : OnProvider<GetOpenIDConnectProvider> {
  static constexpr std::string_view name = "GetOpenIDConnectProvider",
                                    action = "iam:GetOpenIDConnectProvider";
  using Out = ProviderOut;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};
struct ListOpenIDConnectProviders {
  static constexpr std::string_view name = "ListOpenIDConnectProviders",
                                    action = "iam:ListOpenIDConnectProviders";
  struct In {};
  struct Out {
    std::vector<std::string> arns;
  };
  static Result<In> parse(const Request&) { return In{}; }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};
// It does not fail for a provider that does not exist, as on AWS.
struct DeleteOpenIDConnectProvider : OnProvider<DeleteOpenIDConnectProvider> {
  static constexpr std::string_view name = "DeleteOpenIDConnectProvider",
                                    action = "iam:DeleteOpenIDConnectProvider";
  using Out = Nothing;
  static Result<In> parse(const Request& request) {
    return GetOpenIDConnectProvider::parse(request);
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};

struct ThumbprintsIn {
  std::string url;
  std::vector<std::string> thumbprints;
};
struct UpdateOpenIDConnectProviderThumbprint
    : OnProvider<UpdateOpenIDConnectProviderThumbprint, ThumbprintsIn> {
  static constexpr std::string_view name = "UpdateOpenIDConnectProviderThumbprint",
                                    action = "iam:UpdateOpenIDConnectProviderThumbprint";
  using Out = Nothing;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};
struct ClientIdIn {
  std::string url, client_id;
};
struct AddClientIDToOpenIDConnectProvider
    : OnProvider<AddClientIDToOpenIDConnectProvider, ClientIdIn> {
  static constexpr std::string_view name = "AddClientIDToOpenIDConnectProvider",
                                    action = "iam:AddClientIDToOpenIDConnectProvider";
  using Out = Nothing;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};
struct RemoveClientIDFromOpenIDConnectProvider
    : OnProvider<RemoveClientIDFromOpenIDConnectProvider, ClientIdIn> {
  static constexpr std::string_view name = "RemoveClientIDFromOpenIDConnectProvider",
                                    action = "iam:RemoveClientIDFromOpenIDConnectProvider";
  using Out = Nothing;
  static Result<In> parse(const Request& request) {
    return AddClientIDToOpenIDConnectProvider::parse(request);
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};

struct TagProviderIn {
  std::string url;
  Tags tags;
};
struct TagOpenIDConnectProvider : OnProvider<TagOpenIDConnectProvider, TagProviderIn> {
  static constexpr std::string_view name = "TagOpenIDConnectProvider",
                                    action = "iam:TagOpenIDConnectProvider";
  using Out = Nothing;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};
struct UntagProviderIn {
  std::string url;
  std::vector<std::string> keys;
};
struct UntagOpenIDConnectProvider : OnProvider<UntagOpenIDConnectProvider, UntagProviderIn> {
  static constexpr std::string_view name = "UntagOpenIDConnectProvider",
                                    action = "iam:UntagOpenIDConnectProvider";
  using Out = Nothing;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out&) { return {}; }
};
struct ProviderTagsIn {
  std::string url;
  PageIn page;
};
struct ListOpenIDConnectProviderTags : OnProvider<ListOpenIDConnectProviderTags, ProviderTagsIn> {
  static constexpr std::string_view name = "ListOpenIDConnectProviderTags",
                                    action = "iam:ListOpenIDConnectProviderTags";
  struct Out {
    Tags tags;
    std::string next;
  };
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out);
};

}  // namespace sluice::iam
