// SPDX-License-Identifier: Apache-2.0
#include "services/iam/managed_policies.h"

#include "base/random.h"

namespace sluice::iam {

void write_policy(XmlWriter& xml, const PolicyOut& out) {
  const ManagedPolicy& policy = out.policy;
  xml.element("PolicyName", policy.name)
      .element("PolicyId", policy.id)
      .element("Arn", policy.arn)
      .element("Path", policy.path)
      .element("DefaultVersionId", version_id(policy.default_version))
      .element("AttachmentCount", std::to_string(out.attachments))
      .element("PermissionsBoundaryUsageCount", std::to_string(out.boundaries))
      .element("IsAttachable", "true")
      .element("CreateDate", iso_seconds(policy.created))
      .element("UpdateDate", iso_seconds(policy.updated));
}

Result<CreatePolicy::In> CreatePolicy::parse(const Request& request) {
  In in;
  TRY(in.name, policy_name_of(request));
  TRY(in.path, path_of(request));
  TRY(in.document, document_of(request, "PolicyDocument"));
  in.description = request.query_text("Description");
  CHECK(check_description(in.description));
  TRY(in.tags, optional_tags_of(request));
  return in;
}
Result<std::vector<Need>> CreatePolicy::needs(const In& in, const Snapshot& s) {
  Need create{"iam:CreatePolicy",
              iam_arn(s.scope(), "policy" + in.path + in.name),
              {},
              {},
              "AWS::IAM::Policy"};
  add_request_tags(create.context, in.tags);
  std::vector<Need> needs{create};
  if (!in.tags.empty()) {
    needs.push_back(create);
    needs.back().action = "iam:TagPolicy";
    needs.back().resource_type = "";
  }
  return needs;
}
Result<PolicyOut> CreatePolicy::run(const Authorized<In>& in, Staged& staged) {
  CHECK(check_document(in->document));
  if (staged.look(managed_key(in->name)))
    return Error{
        409,
        "EntityAlreadyExists",
        "A policy called " + in->name + " already exists. Duplicate names are not allowed.",
        {}};
  ManagedPolicy policy{.name = in->name,
                       .path = in->path,
                       .id = "ANPA" + random_upper(17),
                       .arn = iam_arn(staged.snapshot().scope(), "policy" + in->path + in->name),
                       .created = in.time(),
                       .updated = in.time(),
                       .description = in->description,
                       .default_version = 1,
                       .last_version = 1,
                       .versions = {{1, in.time(), in->document}},
                       .tags = in->tags};
  staged.put(managed_key(in->name), policy);
  return PolicyOut{std::move(policy)};
}
Response CreatePolicy::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("Policy");
  write_policy(xml, out);
  if (!out.policy.tags.empty()) write_tags(xml, out.policy.tags);
  xml.close("Policy");
  return xml_answer(std::move(xml));
}
json::value CreatePolicy::audit_result(const Out& out) {
  const ManagedPolicy& policy = out.policy;
  json::object made{{"policyName", policy.name},
                    {"policyId", policy.id},
                    {"arn", policy.arn},
                    {"path", policy.path},
                    {"defaultVersionId", version_id(policy.default_version)},
                    {"attachmentCount", 0},
                    {"permissionsBoundaryUsageCount", 0},
                    {"isAttachable", true},
                    {"createDate", long_date(policy.created)},
                    {"updateDate", long_date(policy.updated)}};
  if (!policy.tags.empty()) made["tags"] = shown_tags(policy.tags);
  return json::object{{"policy", std::move(made)}};
}

Result<PolicyIn> GetPolicy::parse(const Request& request) {
  PolicyIn in;
  TRY(in.arn, policy_arn_of(request));
  return in;
}
Result<PolicyOut> GetPolicy::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const auto policy = find_policy(snapshot, in->arn);
  if (!policy) return no_such_policy(in->arn);
  return PolicyOut{*policy, attachments_of(snapshot, in->arn), boundaries_of(snapshot, in->arn)};
}
Response GetPolicy::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("Policy");
  write_policy(xml, out);
  if (!out.policy.description.empty()) xml.element("Description", out.policy.description);
  write_tags(xml, out.policy.tags);
  xml.close("Policy");
  return xml_answer(std::move(xml));
}

Result<ListPolicies::In> ListPolicies::parse(const Request& request) {
  In in;
  if (const std::string* scope = request.query_value("Scope")) {
    if (*scope != "All" && *scope != "AWS" && *scope != "Local")
      return Error{400,
                   "ValidationError",
                   "1 validation error detected: Value '" + scope->substr(0, 20) +
                       "' at 'scope' failed to satisfy constraint: Member must satisfy enum value "
                       "set: [All, AWS, Local]",
                   {}};
    in.own = *scope != "AWS";
    in.of_aws = *scope != "Local";
  }
  TRY(in.only_attached, flag_of(request, "OnlyAttached"));
  TRY(in.usage, usage_filter_of(request));
  TRY(in.path_prefix, path_prefix_of(request));
  TRY(in.page, page_of(request));
  return in;
}
Result<ListPolicies::Out> ListPolicies::run(const Authorized<In>& in, const Snapshot& snapshot) {
  Out out;
  const std::string& marker = in->page.marker;
  // False when the page is full.
  const auto take = [&](const ManagedPolicy& policy) {
    if ((!marker.empty() && place_of(policy.arn) <= marker) ||
        !policy.path.starts_with(in->path_prefix))
      return true;
    const size_t attachments = attachments_of(snapshot, policy.arn),
                 boundaries = boundaries_of(snapshot, policy.arn);
    if (in->only_attached && attachments + boundaries == 0) return true;
    // Every policy can be a permissions policy; a boundary is one that is in use as that.
    if (in->usage == Usage::boundary && boundaries == 0) return true;
    if (out.policies.size() == in->page.max) {
      out.next = place_of(out.policies.back().policy.arn);
      return false;
    }
    out.policies.push_back({policy, attachments, boundaries});
    return true;
  };
  if (in->own && !marker.starts_with('~'))
    snapshot.scan(RecordPrefix<ManagedPolicy>{}, marker.empty() ? "" : managed_key(marker).bytes,
                  false,
                  [&](std::string_view, const ManagedPolicy& policy) { return take(policy); });
  for (const auto& policy : aws_policies())
    if (!in->of_aws || !out.next.empty() || !take(*policy)) break;
  return out;
}
Response ListPolicies::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("Policies");
  for (const PolicyOut& one : out.policies) {
    xml.open("member");
    write_policy(xml, one);
    xml.close("member");
  }
  xml.close("Policies");
  end_page(xml, out.next);
  return xml_answer(std::move(xml));
}

Result<Nothing> DeletePolicy::run(const Authorized<In>& in, Staged& staged) {
  TRY(const ManagedPolicy policy, policy_to_change(in->arn, action, in.caller(), staged));
  if (attachments_of(staged.snapshot(), in->arn) + boundaries_of(staged.snapshot(), in->arn) > 0)
    return Error{409, "DeleteConflict", "Cannot delete a policy attached to entities.", {}};
  if (policy.versions.size() > 1)
    return Error{409,
                 "DeleteConflict",
                 "This policy has more than one version. Before you delete a policy, you must "
                 "delete the policy's versions. The default version is deleted with the policy.",
                 {}};
  staged.expect_empty(attachments_prefix(in->arn));
  staged.expect_empty(boundaries_prefix(in->arn));
  staged.erase(managed_key(policy.name));
  return Nothing{};
}

Result<TagPolicyIn> TagPolicy::parse(const Request& request) {
  In in;
  TRY(in.arn, policy_arn_of(request));
  TRY(in.tags, tags_of(request));
  return in;
}
Result<std::vector<Need>> TagPolicy::needs(const In& in, const Snapshot& s) {
  Need need = policy_need(action, in.arn, s);
  add_request_tags(need.context, in.tags);
  return std::vector<Need>{std::move(need)};
}
Result<Nothing> TagPolicy::run(const Authorized<In>& in, Staged& staged) {
  TRY(ManagedPolicy policy, policy_to_change(in->arn, action, in.caller(), staged));
  CHECK(put_tags(policy.tags, in->tags, "Policy"));
  staged.put(managed_key(policy.name), policy);
  return Nothing{};
}

Result<UntagPolicyIn> UntagPolicy::parse(const Request& request) {
  In in;
  TRY(in.arn, policy_arn_of(request));
  TRY(in.keys, tag_keys_of(request));
  return in;
}
Result<std::vector<Need>> UntagPolicy::needs(const In& in, const Snapshot& s) {
  Need need = policy_need(action, in.arn, s);
  add_tag_keys(need.context, in.keys);
  return std::vector<Need>{std::move(need)};
}
Result<Nothing> UntagPolicy::run(const Authorized<In>& in, Staged& staged) {
  TRY(ManagedPolicy policy, policy_to_change(in->arn, action, in.caller(), staged));
  take_tags(policy.tags, in->keys);
  staged.put(managed_key(policy.name), policy);
  return Nothing{};
}

Result<ListPolicyTagsIn> ListPolicyTags::parse(const Request& request) {
  In in;
  TRY(in.arn, policy_arn_of(request));
  TRY(in.page, page_of(request));
  return in;
}
Result<ListPolicyTags::Out> ListPolicyTags::run(const Authorized<In>& in,
                                                const Snapshot& snapshot) {
  const auto policy = find_policy(snapshot, in->arn);
  if (!policy) return no_such_policy(in->arn);
  Out out;
  out.next = page_of_tags(policy->tags, in->page.marker, in->page.max, out.tags);
  return out;
}
Response ListPolicyTags::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  write_tags(xml, out.tags);
  end_page(xml, out.next);
  return xml_answer(std::move(xml));
}

}  // namespace sluice::iam
