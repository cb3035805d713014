// SPDX-License-Identifier: Apache-2.0
#include "services/iam/policy_versions.h"

#include <algorithm>

namespace sluice::iam {
namespace {
// v[1-9][0-9]*, and what may follow a dot, as AWS's pattern has it.
bool is_version_id(std::string_view text) {
  if (text.size() < 2 || text.size() > 64 || text[0] != 'v' || text[1] < '1' || text[1] > '9')
    return false;
  const size_t end = text.find_first_not_of("0123456789", 1);
  return end == text.npos ||
         (text[end] == '.' &&
          text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-",
                                 end + 1) == text.npos);
}
// 0: no version has this id.
int64_t number_of(const std::string& version) {
  return parse_int(std::string_view(version).substr(1)).value_or(0);
}
Error no_such_version(const PolicyVersionIn& in) {
  return {404,
          "NoSuchEntity",
          "Policy " + in.arn + " version " + in.version + " does not exist or is not attachable.",
          {}};
}
void write_version(XmlWriter& xml, const PolicyVersionsOut& out, const PolicyVersion& version) {
  xml.element("VersionId", version_id(version.number))
      .element("IsDefaultVersion", version.number == out.default_version ? "true" : "false")
      .element("CreateDate", iso_seconds(version.created));
}
}  // namespace

Result<PolicyVersionIn> CreatePolicyVersion::parse(const Request& request) {
  In in;
  TRY(in.arn, policy_arn_of(request));
  TRY(in.document, document_of(request, "PolicyDocument"));
  TRY(in.set_as_default, flag_of(request, "SetAsDefault"));
  return in;
}
Result<PolicyVersionsOut> CreatePolicyVersion::run(const Authorized<In>& in, Staged& staged) {
  TRY(ManagedPolicy policy, policy_to_change(in->arn, action, in.caller(), staged));
  CHECK(check_document(in->document));
  if (policy.versions.size() >= kPolicyVersionsMax)
    return Error{409,
                 "LimitExceeded",
                 "A managed policy can have up to 5 versions. Before you create a new version, you "
                 "must delete an existing version.",
                 {}};
  const PolicyVersion made{++policy.last_version, in.time(), in->document};
  policy.versions.push_back(made);
  policy.updated = made.created;
  if (in->set_as_default) policy.default_version = made.number;
  staged.put(managed_key(policy.name), policy);
  return PolicyVersionsOut{policy.default_version, {made}, ""};
}
Response CreatePolicyVersion::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("PolicyVersion");
  write_version(xml, out, out.versions.front());
  xml.close("PolicyVersion");
  return xml_answer(std::move(xml));
}
json::value CreatePolicyVersion::audit_result(const Out& out) {
  const PolicyVersion& made = out.versions.front();
  return json::object{
      {"policyVersion", json::object{{"versionId", version_id(made.number)},
                                     {"isDefaultVersion", made.number == out.default_version},
                                     {"createDate", long_date(made.created)}}}};
}

Result<PolicyVersionIn> GetPolicyVersion::parse(const Request& request) {
  In in;
  TRY(in.arn, policy_arn_of(request));
  in.version = request.query_text("VersionId");
  if (!is_version_id(in.version))
    return Error{400,
                 "ValidationError",
                 "1 validation error detected: Value '" + in.version.substr(0, 20) +
                     "' at 'versionId' failed to satisfy constraint: Member must satisfy regular "
                     "expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?",
                 {}};
  return in;
}
Result<PolicyVersionsOut> GetPolicyVersion::run(const Authorized<In>& in,
                                                const Snapshot& snapshot) {
  const auto policy = find_policy(snapshot, in->arn);
  if (!policy) return no_such_policy(in->arn);
  const PolicyVersion* version = policy->version(number_of(in->version));
  if (!version) return no_such_version(*in);
  return PolicyVersionsOut{policy->default_version, {*version}, ""};
}
Response GetPolicyVersion::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  const PolicyVersion& version = out.versions.front();
  xml.open("PolicyVersion").element("Document", percent_encode(version.document.text()));
  write_version(xml, out, version);
  xml.close("PolicyVersion");
  return xml_answer(std::move(xml));
}

Result<PolicyVersionIn> ListPolicyVersions::parse(const Request& request) {
  In in;
  TRY(in.arn, policy_arn_of(request));
  TRY(in.page, page_of(request));
  if (!in.page.marker.empty() && !is_version_id(in.page.marker))
    return Error{400, "ValidationError", "The Marker is not one that a call before this gave", {}};
  return in;
}
// The newest comes first.
Result<PolicyVersionsOut> ListPolicyVersions::run(const Authorized<In>& in,
                                                  const Snapshot& snapshot) {
  const auto policy = find_policy(snapshot, in->arn);
  if (!policy) return no_such_policy(in->arn);
  Out out{policy->default_version, {}, ""};
  const std::string& marker = in->page.marker;
  const int64_t before = marker.empty() ? policy->last_version + 1 : number_of(marker);
  for (auto version = policy->versions.rbegin(); version != policy->versions.rend(); ++version) {
    if (version->number >= before) continue;
    if (out.versions.size() == in->page.max) {
      out.next = version_id(out.versions.back().number);
      break;
    }
    out.versions.push_back(*version);
  }
  return out;
}
Response ListPolicyVersions::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("Versions");
  for (const PolicyVersion& version : out.versions) {
    xml.open("member");
    write_version(xml, out, version);
    xml.close("member");
  }
  xml.close("Versions");
  end_page(xml, out.next);
  return xml_answer(std::move(xml));
}

Result<Nothing> SetDefaultPolicyVersion::run(const Authorized<In>& in, Staged& staged) {
  TRY(ManagedPolicy policy, policy_to_change(in->arn, action, in.caller(), staged));
  const PolicyVersion* version = policy.version(number_of(in->version));
  if (!version) return no_such_version(*in);
  policy.default_version = version->number;
  staged.put(managed_key(policy.name), policy);
  return Nothing{};
}
Result<Nothing> DeletePolicyVersion::run(const Authorized<In>& in, Staged& staged) {
  TRY(ManagedPolicy policy, policy_to_change(in->arn, action, in.caller(), staged));
  const PolicyVersion* version = policy.version(number_of(in->version));
  if (!version) return no_such_version(*in);
  const int64_t number = version->number;
  if (number == policy.default_version)
    return Error{409, "DeleteConflict", "Cannot delete the default version of a policy.", {}};
  std::erase_if(policy.versions, [&](const PolicyVersion& one) { return one.number == number; });
  staged.put(managed_key(policy.name), policy);
  return Nothing{};
}

}  // namespace sluice::iam
