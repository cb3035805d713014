// SPDX-License-Identifier: Apache-2.0
#include "services/rolesanywhere/resource.h"

#include "base/bytes.h"

namespace sluice::rolesanywhere {
namespace {
template <class R>
json::object head_of(const R& resource, const Scope& scope) {
  return json::object{{kWords<R>.id, resource.id},
                      {std::string(kWords<R>.one) + "Arn", arn_of<R>(scope, resource.id)},
                      {"name", resource.name},
                      {"enabled", resource.enabled},
                      {"createdAt", iso_seconds(resource.created)},
                      {"updatedAt", iso_seconds(resource.updated)}};
}
json::array list_of(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& one : texts) out.emplace_back(one);
  return out;
}
void words_for_times(json::object& object) {
  for (auto& [name, value] : object) {
    if (value.is_object()) words_for_times(value.get_object());
    if ((name == "createdAt" || name == "updatedAt") && value.is_string())
      if (const auto time = parse_iso(std::string_view(value.get_string())))
        value = long_date(*time);
  }
}
}  // namespace

json::object shown(const TrustAnchor& anchor, const Scope& scope) {
  json::object out = head_of(anchor, scope);
  out["source"] =
      json::object{{"sourceType", "CERTIFICATE_BUNDLE"},
                   {"sourceData", json::object{{"x509CertificateData", anchor.certificates}}}};
  return out;
}
json::object shown(const Profile& profile, const Scope& scope) {
  json::object out = head_of(profile, scope);
  out["roleArns"] = list_of(profile.roles);
  out["managedPolicyArns"] = list_of(profile.managed_policies);
  if (!profile.session_policy.empty()) out["sessionPolicy"] = profile.session_policy;
  out["durationSeconds"] = profile.duration_s;
  out["requireInstanceProperties"] = false;
  out["acceptRoleSessionName"] = profile.accepts_session_name;
  out["createdBy"] = profile.created_by;
  json::array& mappings = out["attributeMappings"].emplace_array();
  for (const auto& [field, specifiers] : profile.mappings) {
    json::array rules;
    for (const std::string& one : specifiers) rules.push_back(json::object{{"specifier", one}});
    mappings.push_back(
        json::object{{"certificateField", field}, {"mappingRules", std::move(rules)}});
  }
  return out;
}
json::object shown(const Crl& crl, const Scope& scope) {
  json::object out = head_of(crl, scope);
  out["trustAnchorArn"] = arn_of<TrustAnchor>(scope, crl.anchor);
  out["crlData"] = crl.data;
  return out;
}

Error invalid(std::string text) { return {400, "ValidationException", std::move(text), {}}; }

Result<json::object> body_of(const Request& request) {
  auto body = parse_json_object(request.body);
  if (!body) return invalid(body.error().message);
  return body;
}

bool is_id(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < kForm.size(); ++i) {
    const bool digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (kForm[i] == '-' ? text[i] != '-' : !digit) return false;
  }
  return true;
}
std::string id_in(std::string_view arn, std::string_view kind, const Scope& scope) {
  const std::string prefix = make_arn(scope, "rolesanywhere", kind);
  if (!arn.starts_with(prefix) || !is_id(arn.substr(prefix.size()))) return {};
  return std::string(arn.substr(prefix.size()));
}
Result<std::string> name_of(const Fields& fields) {
  TRY(const auto name, fields.text("name"));
  const bool good =
      name && !name->empty() && name->size() <= kNameMax &&
      name->find_first_not_of(
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -_") == name->npos;
  if (!good) return invalid("A name has 1 to 255 letters, digits, blanks, hyphens and underlines.");
  return *name;
}

json::value shown_request(const Request& request, std::string_view id_name) {
  json::object out;
  if (const auto body = parse_json_object(request.body)) out = json::object(*body, {});
  out.erase("crlData");  // up to 300 KB, and kept with the list
  if (const std::string id = request.param(id_name); !id.empty()) out[id_name] = id;
  return out.empty() ? json::value() : json::value(std::move(out));
}
json::value shown_result(const json::object& body) {
  json::object out(body, {});
  if (json::value* crl = out.if_contains("crl")) crl->as_object().erase("crlData");
  words_for_times(out);
  return out;
}

Result<Page> page_of(const Request& request) {
  Page page{request.query_text("nextToken"), kPageMax};
  if (request.query_value("nextToken") && !is_id(page.after))
    return invalid("The nextToken is not one that a call before this gave.");
  if (const std::string* text = request.query_value("pageSize")) {
    const auto size = parse_int(*text);
    if (!size || *size < 1 || *size > kPageMax)
      return invalid("pageSize is a number from 1 to 100.");
    page.size = *size;
  }
  return page;
}

}  // namespace sluice::rolesanywhere
