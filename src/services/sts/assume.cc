// SPDX-License-Identifier: Apache-2.0
#include "services/sts/assume.h"

#include "base/bytes.h"
#include "request/audit.h"
#include "request/query_list.h"
#include "services/sts/sts.h"

namespace sluice::sts {
namespace {
Error invalid(std::string text) { return {400, "ValidationError", std::move(text), {}}; }

Result<int64_t> duration_of(const Request& request) {
  const std::string* text = request.query_value("DurationSeconds");
  if (!text) return kDurationDefaultS;
  const auto value = parse_int(*text);
  if (!value || *value < kDurationMinS || *value > kDurationMaxS)
    return invalid("1 validation error detected: Value '" + text->substr(0, 20) +
                   "' at 'durationSeconds' failed to satisfy constraint: Member must have value " +
                   (value && *value > kDurationMaxS ? "less than or equal to 43200"
                                                    : "greater than or equal to 900"));
  return *value;
}

Result<Done> read_policies(const Request& request, Assume& in) {
  if (const std::string* text = request.query_value("Policy")) {
    CHECK(check_session_policy(*text));
    in.policy = *text;
  }
  TRY(const auto arns, list_members(request, "PolicyArns", kSessionPolicyArnsMax));
  for (const ListMember& member : arns) {
    const auto arn = member.find("arn");
    if (arn == member.end() || arn->second.size() < 20 || arn->second.size() > 2048)
      return invalid(
          "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member "
          "must have length between 20 and 2048");
    in.policy_arns.push_back(arn->second);
  }
  return Done{};
}

}  // namespace

Result<Done> read_marks(const Request& request, Assume& in) {
  TRY(const auto tags, list_members(request, "Tags", kSessionTagsMax));
  for (const ListMember& member : tags) {
    const auto key = member.find("Key"), value = member.find("Value");
    if (key == member.end() || value == member.end())
      return invalid("A tag must have a Key and a Value.");
    CHECK(add_tag(in, key->second, value->second));
  }
  TRY(const auto keys, list_members(request, "TransitiveTagKeys", kSessionTagsMax));
  for (const ListMember& member : keys) {
    const auto key = member.find("");
    if (key == member.end()) return invalid("The list TransitiveTagKeys is malformed.");
    in.transitive.push_back(key->second);
  }
  CHECK(check_transitive(in));
  in.source_identity = request.query_text("SourceIdentity");
  if (request.query_value("SourceIdentity"))
    CHECK(check_session_name(in.source_identity, "sourceIdentity"));
  return Done{};
}

Result<Assume> read_assume(const Request& request) {
  Assume in;
  in.role_arn = request.query_text("RoleArn");
  in.session_name = request.query_text("RoleSessionName");
  const auto arn = parse_arn(in.role_arn);
  if (!arn || arn->service != "iam" || !arn->resource.starts_with("role/"))
    return invalid(in.role_arn + " is invalid");
  in.role_name = arn->resource.substr(arn->resource.rfind('/') + 1);
  if (in.role_arn.size() < 20 || in.role_arn.size() > 2048)
    return invalid(
        "1 validation error detected: Value at 'roleArn' failed to satisfy constraint: Member must "
        "have length between 20 and 2048");
  CHECK(check_session_name(in.session_name, "roleSessionName"));
  TRY(in.duration_s, duration_of(request));
  CHECK(read_policies(request, in));
  return in;
}

void write_assumed(XmlWriter& xml, const Assumed& out) {
  xml.open("Credentials")
      .element("AccessKeyId", out.session.access_key_id)
      .element("SecretAccessKey", out.session.secret_access_key.expose())
      .element("SessionToken", out.session.token)
      .element("Expiration", iso_seconds(out.session.expires))
      .close("Credentials");
  xml.open("AssumedRoleUser")
      .element("AssumedRoleId", out.session.role_id + ":" + out.session.session_name)
      .element("Arn", out.arn)
      .close("AssumedRoleUser");
  if (out.packed_percent) xml.element("PackedPolicySize", std::to_string(out.packed_percent));
  if (!out.session.marks.source_identity.empty())
    xml.element("SourceIdentity", out.session.marks.source_identity);
}

json::object shown_assume(const Request& request) {
  const json::value fields = shown_fields(request, {"RoleArn", "RoleSessionName", "DurationSeconds",
                                                    "ExternalId", "Policy", "SourceIdentity"});
  json::object shown = fields.is_object() ? fields.get_object() : json::object{};
  const auto arns = list_members(request, "PolicyArns", kSessionPolicyArnsMax);
  json::array policies, tags, keys;
  if (arns)
    for (const ListMember& one : *arns)
      if (one.contains("arn")) policies.push_back(json::object{{"arn", one.at("arn")}});
  if (const auto list = list_members(request, "Tags", kSessionTagsMax))
    for (const ListMember& one : *list)
      if (one.contains("Key") && one.contains("Value"))
        tags.push_back(json::object{{"key", one.at("Key")}, {"value", one.at("Value")}});
  if (const auto list = list_members(request, "TransitiveTagKeys", kSessionTagsMax))
    for (const ListMember& one : *list)
      if (one.contains("")) keys.emplace_back(one.at(""));
  if (!policies.empty()) shown["policyArns"] = std::move(policies);
  if (!tags.empty()) shown["tags"] = std::move(tags);
  if (!keys.empty()) shown["transitiveTagKeys"] = std::move(keys);
  return shown;
}

json::object shown_assumed(const Assumed& out) {
  json::object shown{
      {"credentials", json::object{{"accessKeyId", out.session.access_key_id},
                                   {"expiration", long_date(out.session.expires)}}},
      {"assumedRoleUser",
       json::object{{"assumedRoleId", out.session.role_id + ":" + out.session.session_name},
                    {"arn", out.arn}}}};
  if (out.packed_percent) shown["packedPolicySize"] = out.packed_percent;
  if (!out.session.marks.source_identity.empty())
    shown["sourceIdentity"] = out.session.marks.source_identity;
  return shown;
}

}  // namespace sluice::sts
