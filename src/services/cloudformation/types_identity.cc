// SPDX-License-Identifier: Apache-2.0
// AWS::IAM::Role, AWS::IAM::ManagedPolicy, AWS::IAM::Policy.
#include <set>

#include "base/bytes.h"
#include "base/xml.h"
#include "services/cloudformation/types.h"

namespace sluice::cloudformation {
namespace {
Result<Done> attach(const Calls& calls, const std::string& arn, const std::string& role) {
  CHECK(calls.query("iam", "AttachRolePolicy", {{"RoleName", role}, {"PolicyArn", arn}}));
  return Done{};
}
Result<Done> detach(const Calls& calls, const std::string& arn, const std::string& role) {
  return unless_gone(
      calls.query("iam", "DetachRolePolicy", {{"RoleName", role}, {"PolicyArn", arn}}),
      "NoSuchEntity");
}
std::set<std::string> texts_of(const json::object& properties, std::string_view list) {
  std::set<std::string> out;
  if (const json::value* given = properties.if_contains(list))
    for (const json::value& one : given->as_array()) out.emplace(std::string_view(one.as_string()));
  return out;
}

// ---- AWS::IAM::Role
std::map<std::string, std::string> policies_of(const json::object& properties) {
  std::map<std::string, std::string> out;
  if (const json::value* list = properties.if_contains("Policies"))
    for (const json::value& one : list->as_array())
      out[text_of(one.as_object(), "PolicyName")] = document_text(one.at("PolicyDocument"));
  return out;
}
Result<Done> put_policies(const Calls& calls, const json::object& before, const json::object& after,
                          const std::string& role) {
  const auto old = policies_of(before), wanted = policies_of(after);
  for (const auto& [name, document] : wanted) {
    if (const auto same = old.find(name); same != old.end() && same->second == document) continue;
    CHECK(calls.query("iam", "PutRolePolicy",
                      {{"RoleName", role}, {"PolicyName", name}, {"PolicyDocument", document}}));
  }
  for (const auto& [name, document] : old)
    if (!wanted.contains(name))
      CHECK(unless_gone(
          calls.query("iam", "DeleteRolePolicy", {{"RoleName", role}, {"PolicyName", name}}),
          "NoSuchEntity"));
  return Done{};
}
// Managed policies that lack are attached before those that are too many are detached, so that the
// role does not lose what it keeps.
Result<Done> put_attached(const Calls& calls, const json::object& before, const json::object& after,
                          const std::string& role) {
  const auto old = texts_of(before, "ManagedPolicyArns"),
             wanted = texts_of(after, "ManagedPolicyArns");
  for (const std::string& arn : wanted)
    if (!old.contains(arn)) CHECK(attach(calls, arn, role));
  for (const std::string& arn : old)
    if (!wanted.contains(arn)) CHECK(detach(calls, arn, role));
  return Done{};
}
std::map<std::string, std::string> tags_of(const json::object& properties) {
  std::map<std::string, std::string> out;
  if (const json::value* list = properties.if_contains("Tags"))
    for (const json::value& one : list->as_array())
      out[text_of(one.as_object(), "Key")] = text_of(one.as_object(), "Value");
  return out;
}
using Fields = std::vector<std::pair<std::string, std::string>>;
void add_tags(Fields& fields, const std::map<std::string, std::string>& tags) {
  size_t number = 0;
  for (const auto& [key, value] : tags) {
    const std::string member = "Tags.member." + std::to_string(++number);
    fields.emplace_back(member + ".Key", key);
    fields.emplace_back(member + ".Value", value);
  }
}
Result<Done> update_role_tags(const Calls& calls, const json::object& before,
                              const json::object& after, const std::string& role) {
  const auto old = tags_of(before), wanted = tags_of(after);
  Fields gone{{"RoleName", role}}, put{{"RoleName", role}};
  for (const auto& [key, value] : old)
    if (!wanted.contains(key))
      gone.emplace_back("TagKeys.member." + std::to_string(gone.size()), key);
  if (gone.size() > 1) CHECK(calls.query("iam", "UntagRole", std::move(gone)));
  add_tags(put, wanted);
  if (put.size() > 1 && wanted != old) CHECK(calls.query("iam", "TagRole", std::move(put)));
  return Done{};
}
Result<Done> update_boundary(const Calls& calls, const json::object& after,
                             const std::string& role) {
  if (!after.contains("PermissionsBoundary"))
    return unless_gone(calls.query("iam", "DeleteRolePermissionsBoundary", {{"RoleName", role}}),
                       "NoSuchEntity");
  CHECK(calls.query(
      "iam", "PutRolePermissionsBoundary",
      {{"RoleName", role}, {"PermissionsBoundary", text_of(after, "PermissionsBoundary")}}));
  return Done{};
}
Result<Done> create_role(const Calls& calls, const json::object& properties, Made& made) {
  Fields fields{
      {"RoleName", made.physical},
      {"AssumeRolePolicyDocument", document_text(properties.at("AssumeRolePolicyDocument"))}};
  for (const char* same : {"Description", "Path", "PermissionsBoundary"})
    if (properties.contains(same)) fields.emplace_back(same, text_of(properties, same));
  if (properties.contains("MaxSessionDuration"))
    fields.emplace_back("MaxSessionDuration",
                        std::to_string(int_of(properties, "MaxSessionDuration")));
  add_tags(fields, tags_of(properties));
  TRY(const std::string answer, calls.query("iam", "CreateRole", std::move(fields)));
  made.exists = true;
  TRY(const auto document, parse_xml(answer));
  made.attributes = {{"Arn", document->select_node("//Role/Arn").node().child_value()},
                     {"RoleId", document->select_node("//Role/RoleId").node().child_value()}};
  CHECK(put_policies(calls, {}, properties, made.physical));
  return put_attached(calls, {}, properties, made.physical);
}
Result<Done> update_role(const Calls& calls, const json::object& before, const json::object& after,
                         Made& made) {
  if (changed(before, after, "AssumeRolePolicyDocument"))
    CHECK(calls.query("iam", "UpdateAssumeRolePolicy",
                      {{"RoleName", made.physical},
                       {"PolicyDocument", document_text(after.at("AssumeRolePolicyDocument"))}}));
  if (changed(before, after, "Description") || changed(before, after, "MaxSessionDuration"))
    CHECK(calls.query(
        "iam", "UpdateRole",
        {{"RoleName", made.physical},
         {"Description", text_of(after, "Description")},
         {"MaxSessionDuration", std::to_string(int_of(after, "MaxSessionDuration", 3600))}}));
  // A boundary comes before what it bounds, and what is bounded goes before it.
  const bool bounds = changed(before, after, "PermissionsBoundary");
  if (bounds && after.contains("PermissionsBoundary"))
    CHECK(update_boundary(calls, after, made.physical));
  CHECK(put_policies(calls, before, after, made.physical));
  CHECK(put_attached(calls, before, after, made.physical));
  if (bounds && !after.contains("PermissionsBoundary"))
    CHECK(update_boundary(calls, after, made.physical));
  return update_role_tags(calls, before, after, made.physical);
}
Result<Done> remove_role(const Calls& calls, const json::object& properties,
                         const std::string& role) {
  CHECK(put_policies(calls, properties, {}, role));
  CHECK(put_attached(calls, properties, {}, role));
  return unless_gone(calls.query("iam", "DeleteRole", {{"RoleName", role}}), "NoSuchEntity");
}

// ---- AWS::IAM::ManagedPolicy
constexpr size_t kVersionsMax = 5;  // IAM keeps no more of a policy

// The policy's ARN is its physical id. A stack that was interrupted while it made the policy knows
// only the name.
std::string arn_of(const Calls& calls, const json::object& properties,
                   const std::string& physical) {
  if (physical.starts_with("arn:")) return physical;
  const std::string path =
      properties.contains("Path") ? text_of(properties, "Path") : std::string("/");
  return iam_arn(calls.scope(), "policy" + path + physical);
}
Result<Done> put_roles(const Calls& calls, const json::object& before, const json::object& after,
                       const std::string& arn) {
  const auto old = texts_of(before, "Roles"), wanted = texts_of(after, "Roles");
  for (const std::string& role : wanted)
    if (!old.contains(role)) CHECK(attach(calls, arn, role));
  for (const std::string& role : old)
    if (!wanted.contains(role)) CHECK(detach(calls, arn, role));
  return Done{};
}
// Deletes the versions that are not the default until at most `left` of all remain, the oldest
// first.
Result<Done> delete_versions(const Calls& calls, const std::string& arn, size_t left) {
  TRY(const std::string answer, calls.query("iam", "ListPolicyVersions", {{"PolicyArn", arn}}));
  TRY(const auto document, parse_xml(answer));
  const auto versions = document->select_nodes("//Versions/member");
  size_t count = versions.size();
  for (size_t i = versions.size(); i-- > 0 && count > left;) {
    const auto version = versions[i].node();
    if (std::string_view(version.child_value("IsDefaultVersion")) == "true") continue;
    CHECK(calls.query("iam", "DeletePolicyVersion",
                      {{"PolicyArn", arn}, {"VersionId", version.child_value("VersionId")}}));
    --count;
  }
  return Done{};
}
Result<Done> create_policy(const Calls& calls, const json::object& properties, Made& made) {
  Fields fields{{"PolicyName", made.physical},
                {"PolicyDocument", document_text(properties.at("PolicyDocument"))}};
  for (const char* same : {"Description", "Path"})
    if (properties.contains(same)) fields.emplace_back(same, text_of(properties, same));
  TRY(const std::string answer, calls.query("iam", "CreatePolicy", std::move(fields)));
  made.exists = true;
  TRY(const auto document, parse_xml(answer));
  made.physical = document->select_node("//Policy/Arn").node().child_value();
  made.attributes = {{"PolicyArn", made.physical},
                     {"PolicyId", document->select_node("//Policy/PolicyId").node().child_value()}};
  return put_roles(calls, {}, properties, made.physical);
}
Result<Done> update_policy(const Calls& calls, const json::object& before,
                           const json::object& after, Made& made) {
  if (changed(before, after, "PolicyDocument")) {
    CHECK(delete_versions(calls, made.physical, kVersionsMax - 1));
    CHECK(calls.query("iam", "CreatePolicyVersion",
                      {{"PolicyArn", made.physical},
                       {"PolicyDocument", document_text(after.at("PolicyDocument"))},
                       {"SetAsDefault", "true"}}));
  }
  return put_roles(calls, before, after, made.physical);
}
Result<Done> remove_policy(const Calls& calls, const json::object& properties,
                           const std::string& physical) {
  const std::string arn = arn_of(calls, properties, physical);
  CHECK(put_roles(calls, properties, {}, arn));
  CHECK(unless_gone(delete_versions(calls, arn, 1), "NoSuchEntity"));
  return unless_gone(calls.query("iam", "DeletePolicy", {{"PolicyArn", arn}}), "NoSuchEntity");
}

// ---- AWS::IAM::Policy: one policy, which stands in each of the roles
Result<Done> put_in_roles(const Calls& calls, const json::object& before, const json::object& after,
                          const std::string& policy) {
  const auto old = texts_of(before, "Roles"), wanted = texts_of(after, "Roles");
  const bool other = changed(before, after, "PolicyDocument");
  for (const std::string& role : wanted)
    if (other || !old.contains(role))
      CHECK(calls.query("iam", "PutRolePolicy",
                        {{"RoleName", role},
                         {"PolicyName", policy},
                         {"PolicyDocument", document_text(after.at("PolicyDocument"))}}));
  for (const std::string& role : old)
    if (!wanted.contains(role))
      CHECK(unless_gone(
          calls.query("iam", "DeleteRolePolicy", {{"RoleName", role}, {"PolicyName", policy}}),
          "NoSuchEntity"));
  return Done{};
}
Result<Done> create_inline_policy(const Calls& calls, const json::object& properties, Made& made) {
  if (texts_of(properties, "Roles").empty())
    return validation("A policy must be in at least one role: name it in Roles.");
  made.exists = true;
  made.attributes = {{"Id", made.physical}};
  return put_in_roles(calls, {}, properties, made.physical);
}
Result<Done> update_inline_policy(const Calls& calls, const json::object& before,
                                  const json::object& after, Made& made) {
  return put_in_roles(calls, before, after, made.physical);
}
Result<Done> remove_inline_policy(const Calls& calls, const json::object& properties,
                                  const std::string& policy) {
  return put_in_roles(calls, properties, {}, policy);
}
}  // namespace

const Type kIdentityTypes[3] = {
    {"AWS::IAM::Role",
     R"({"RoleName": "s", "AssumeRolePolicyDocument!": "j",
         "Policies": [{"PolicyName!": "s", "PolicyDocument!": "j"}], "ManagedPolicyArns": ["s"],
         "Path": "s", "Description": "s", "MaxSessionDuration": "i", "PermissionsBoundary": "s",
         "Tags": [{"Key!": "s", "Value!": "s"}]})",
     "RoleName", 64, "RoleName,Path", "Arn,RoleId", "CreateRole", create_role, update_role,
     remove_role},
    {"AWS::IAM::ManagedPolicy",
     R"({"ManagedPolicyName": "s", "PolicyDocument!": "j", "Path": "s", "Description": "s",
         "Roles": ["s"]})",
     "ManagedPolicyName", 128, "ManagedPolicyName,Path,Description", "PolicyArn,PolicyId",
     "CreatePolicy", create_policy, update_policy, remove_policy},
    {"AWS::IAM::Policy", R"({"PolicyName!": "s", "PolicyDocument!": "j", "Roles": ["s"]})",
     "PolicyName", 128, "PolicyName", "Id", "", create_inline_policy, update_inline_policy,
     remove_inline_policy},
};

}  // namespace sluice::cloudformation
