// SPDX-License-Identifier: Apache-2.0
#include "services/iam/iam.h"

#include "base/random.h"
#include "services/iam/absent.h"
#include "services/iam/account_details.h"
#include "services/iam/attachments.h"
#include "services/iam/last_uses.h"
#include "services/iam/managed_policies.h"
#include "services/iam/boundaries.h"
#include "services/iam/oidc_providers.h"
#include "services/iam/policy_versions.h"
#include "services/iam/role_policies.h"
#include "services/iam/role_tags.h"
#include "services/iam/simulate.h"

namespace sluice::iam {
namespace {
// The calls of long-lived credentials: authorised like AWS's own, then refused with the reason.
template <class Name>
struct Refused {
  static constexpr std::string_view name = Name::name, action = Name::action;
  static constexpr bool refuses = true;
  static constexpr bool read_only = name.starts_with("Get") || name.starts_with("List");
  struct In {};
  struct Out {};
  static json::value audit(const Request& request) { return shown(request); }
  static Result<In> parse(const Request&) { return In{}; }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>&, Staged&) {
    return Error{400, "InvalidInput", std::string(Name::reason), {}};
  }
  static Response render(const Out&) { return {}; }
};
#define SLUICE_REFUSED(operation, why)                                                             \
  struct operation##Name {                                                                         \
    static constexpr std::string_view name = #operation, action = "iam:" #operation, reason = why; \
  };                                                                                               \
  using operation = Refused<operation##Name>
constexpr char kNoUsers[] =
    "Sluice has no users and no access keys, because such credentials do not expire. Make a role "
    "and take sessions of it with sts:AssumeRole; the operator's come from: sluice credentials";
SLUICE_REFUSED(CreateUser, kNoUsers);
SLUICE_REFUSED(GetUser, kNoUsers);
SLUICE_REFUSED(PutUserPolicy, kNoUsers);
SLUICE_REFUSED(AttachUserPolicy, kNoUsers);
SLUICE_REFUSED(CreateGroup, kNoUsers);
SLUICE_REFUSED(AddUserToGroup, kNoUsers);
SLUICE_REFUSED(CreateAccessKey, kNoUsers);
SLUICE_REFUSED(ListAccessKeys, kNoUsers);
SLUICE_REFUSED(UpdateAccessKey, kNoUsers);
SLUICE_REFUSED(DeleteAccessKey, kNoUsers);
SLUICE_REFUSED(CreateLoginProfile, kNoUsers);
SLUICE_REFUSED(CreateServiceSpecificCredential, kNoUsers);
SLUICE_REFUSED(UploadSSHPublicKey, kNoUsers);
SLUICE_REFUSED(UploadSigningCertificate, kNoUsers);
#undef SLUICE_REFUSED

constexpr auto rows =
    table<CreateRole, GetRole, ListRoles, DeleteRole, UpdateRole, UpdateAssumeRolePolicy,
          PutRolePolicy, GetRolePolicy, ListRolePolicies, DeleteRolePolicy, CreatePolicy, GetPolicy,
          ListPolicies, DeletePolicy, CreatePolicyVersion, GetPolicyVersion, ListPolicyVersions,
          SetDefaultPolicyVersion, DeletePolicyVersion, AttachRolePolicy, DetachRolePolicy,
          ListAttachedRolePolicies, ListEntitiesForPolicy, TagPolicy, UntagPolicy, ListPolicyTags,
          CreateOpenIDConnectProvider, GetOpenIDConnectProvider, ListOpenIDConnectProviders,
          DeleteOpenIDConnectProvider, UpdateOpenIDConnectProviderThumbprint,
          AddClientIDToOpenIDConnectProvider, RemoveClientIDFromOpenIDConnectProvider,
          TagOpenIDConnectProvider, UntagOpenIDConnectProvider, ListOpenIDConnectProviderTags,
          ListGroups, ListVirtualMFADevices, ListServerCertificates, ListSAMLProviders,
          ListAccountAliases, ListInstanceProfiles, ListInstanceProfilesForRole, GetAccountSummary,
          GetAccountPasswordPolicy, GetAccountAuthorizationDetails, SimulatePrincipalPolicy,
          SimulateCustomPolicy, GetContextKeysForPrincipalPolicy, GetContextKeysForCustomPolicy,
          GenerateCredentialReport, GetCredentialReport, CreateUser, GetUser, ListUsers,
          PutUserPolicy, AttachUserPolicy, CreateGroup, AddUserToGroup, CreateAccessKey,
          ListAccessKeys, UpdateAccessKey, DeleteAccessKey, CreateLoginProfile,
          CreateServiceSpecificCredential, UploadSSHPublicKey, UploadSigningCertificate,
          PutRolePermissionsBoundary, DeleteRolePermissionsBoundary, TagRole, UntagRole,
          ListRoleTags>();

class RoleIdentities : public Identities {
 public:
  std::optional<RoleView> role(std::string_view name, const Snapshot& snapshot) const override {
    const auto role = snapshot.get(role_key(name));
    if (!role) return std::nullopt;
    RoleView view{.name = role->name,
                  .arn = role->arn,
                  .id = role->id,
                  .trust_policy = role->trust,
                  .max_session_s = role->max_session_s,
                  .tags = role->tags};
    view.inline_policies = inline_policies_of(snapshot, name);
    const auto managed = [&](const std::string& arn) {
      return RoleView::Managed{arn, managed_policy(arn, snapshot)};
    };
    for (const std::string& arn : role->attached) view.managed_policies.push_back(managed(arn));
    if (!role->boundary.empty()) view.boundary = managed(role->boundary);
    return view;
  }
  std::optional<RoleView> role_by_id(std::string_view role_id,
                                     const Snapshot& snapshot) const override {
    std::string name;
    snapshot.scan(RecordPrefix<Role>{}, "", false, [&](std::string_view, const Role& role) {
      if (role.id == role_id) name = role.name;
      return name.empty();
    });
    return name.empty() ? std::nullopt : role(name, snapshot);
  }
  policy::Stored<policy::Kind::identity> managed_policy(const std::string& arn,
                                                        const Snapshot& snapshot) const override {
    const auto policy = find_policy(snapshot, arn);
    const PolicyVersion* version = policy ? policy->version(policy->default_version) : nullptr;
    return version ? version->document : policy::Stored<policy::Kind::identity>();
  }
  std::optional<OidcProviderView> oidc_provider(std::string_view url,
                                                const Snapshot& snapshot) const override {
    const auto provider = snapshot.get(oidc_provider_key(url));
    if (!provider) return std::nullopt;
    return OidcProviderView{provider_arn(snapshot.scope(), url), provider->client_ids};
  }
  void note_use(const Session& session, Time at) override { uses_.note(session, at); }
  std::optional<Time> last_use(std::string_view role_id, const Snapshot& snapshot) const override {
    return uses_.of(role_id, snapshot);
  }
  Result<Done> write_uses(Store& store) override { return uses_.write_down(store); }

 private:
  LastUses uses_;
};
}  // namespace

const Service service{"iam",
                      "iam.amazonaws.com",
                      Protocol::query,
                      "2010-05-08",
                      "https://iam.amazonaws.com/doc/2010-05-08/",
                      rows,
                      ""};

std::unique_ptr<Identities> identities() { return std::make_unique<RoleIdentities>(); }

Result<Done> bootstrap(Store& store) {
  Staged staged = store.stage();
  if (staged.get(role_key(kOperatorRole))) return Done{};
  staged.put(role_key(kOperatorRole),
             Role{.name = std::string(kOperatorRole),
                  .path = "/",
                  .id = "AROA" + random_upper(17),
                  .arn = iam_arn(store.scope(), "role/" + std::string(kOperatorRole)),
                  .created = now(),
                  .trust = {R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny",)"
                            R"("Principal":"*","Action":"sts:AssumeRole"}]})"},
                  .description = "The owner of this server."});
  staged.put(
      policy_key(kOperatorRole, "operator"),
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})");
  CHECK(store.commit(std::move(staged), {}));
  return Done{};
}

}  // namespace sluice::iam
