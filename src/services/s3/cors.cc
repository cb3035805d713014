// SPDX-License-Identifier: Apache-2.0
#include "services/s3/cors.h"

#include <algorithm>

#include "base/bytes.h"
#include "policy/match.h"

namespace sluice::s3 {
namespace {
constexpr size_t kRulesMax = 100, kIdCharactersMax = 255;
constexpr std::string_view kMethods[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};
// The lists of a rule, as the document names them.
constexpr const char *kOrigins = "AllowedOrigin", *kVerbs = "AllowedMethod",
                     *kHeaders = "AllowedHeader", *kExposed = "ExposeHeader";

Error invalid(std::string text) { return {400, "InvalidRequest", std::move(text), {}}; }
size_t stars_in(std::string_view text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '*'));
}

Result<Done> check_entry(std::string_view list, const std::string& text) {
  if (list == kVerbs &&
      std::find(std::begin(kMethods), std::end(kMethods), text) == std::end(kMethods))
    return invalid("Found unsupported HTTP method in CORS config. Unsupported method is " + text);
  if ((list == kOrigins || list == kHeaders) && stars_in(text) > 1)
    return invalid(std::string(list) + " \"" + text + "\" can not have more than one wildcard.");
  if (list == kExposed && stars_in(text))
    return invalid("ExposeHeader \"" + text +
                   "\" contains wildcard. We currently do not support wildcard for ExposeHeader.");
  return Done{};
}

Result<json::object> parse_rule(const pugi::xml_node& node) {
  json::object rule;
  for (const char* list : {kOrigins, kVerbs, kHeaders, kExposed}) {
    json::array entries;
    for (const pugi::xml_node& entry : node.children(list)) {
      const std::string text = entry.child_value();
      CHECK(check_entry(list, text));
      entries.emplace_back(text);
    }
    rule[list] = std::move(entries);
  }
  if (rule[kOrigins].as_array().empty() || rule[kVerbs].as_array().empty()) return malformed_xml();
  if (const auto id = node.child("ID")) {
    if (std::string_view(id.child_value()).size() > kIdCharactersMax)
      return invalid("The ID of a CORS rule has at most 255 characters.");
    rule["ID"] = id.child_value();
  }
  if (const auto age = node.child("MaxAgeSeconds")) {
    const auto seconds = parse_int(age.child_value());
    if (!seconds || *seconds < 0 || *seconds > INT32_MAX) return malformed_xml();
    rule["MaxAgeSeconds"] = *seconds;
  }
  return rule;
}

bool allows_header(const json::object& rule, const std::string& header) {
  for (const json::value& pattern : rule.at(kHeaders).as_array())
    if (policy::glob(lower(pattern.as_string()), header)) return true;
  return false;
}
const json::value* allowing_origin(const json::object& rule, const std::string& origin) {
  for (const json::value& pattern : rule.at(kOrigins).as_array())
    if (policy::glob(pattern.as_string(), origin)) return &pattern;
  return nullptr;
}
std::string joined(const json::array& texts) {
  std::string out;
  for (const json::value& text : texts)
    out += (out.empty() ? "" : ", ") + std::string(text.as_string());
  return out;
}
}  // namespace

Result<Text> PutBucketCors::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object bucket, tracked_bucket(staged, in->bucket));
  TRY(const auto document, parse_xml(in->text));
  json::array rules;
  for (const pugi::xml_node& node : document->child("CORSConfiguration").children("CORSRule")) {
    TRY(json::object rule, parse_rule(node));
    rules.push_back(std::move(rule));
  }
  if (rules.empty()) return malformed_xml();
  if (rules.size() > kRulesMax)
    return invalid("The number of CORS rules should not exceed allowed limit of 100 rules.");
  bucket["Cors"] = std::move(rules);
  staged.put_json(bucket_key(in->bucket), bucket);
  return Text{};
}
Result<Text> GetBucketCors::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object bucket, find_bucket(snapshot, in->bucket));
  const json::value* rules = bucket.if_contains("Cors");
  if (!rules)
    return Error{404,
                 "NoSuchCORSConfiguration",
                 "The CORS configuration does not exist",
                 {{"BucketName", in->bucket}}};
  XmlWriter xml;
  xml.open("CORSConfiguration", kXmlns);
  for (const json::value& one : rules->as_array()) {
    const json::object& rule = one.as_object();
    xml.open("CORSRule");
    if (rule.contains("ID")) xml.element("ID", text_of(rule, "ID"));
    for (const char* list : {kHeaders, kVerbs, kOrigins, kExposed})
      for (const json::value& entry : rule.at(list).as_array())
        xml.element(list, entry.as_string());
    if (rule.contains("MaxAgeSeconds"))
      xml.element("MaxAgeSeconds", std::to_string(int_of(rule, "MaxAgeSeconds")));
    xml.close("CORSRule");
  }
  xml.close("CORSConfiguration");
  return xml_text(xml);
}
Result<Text> DeleteBucketCors::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object bucket, tracked_bucket(staged, in->bucket));
  bucket.erase("Cors");
  staged.put_json(bucket_key(in->bucket), bucket);
  return Text{204, "", ""};
}

std::optional<Headers> cross_origin_headers(const json::object& bucket, const CrossOrigin& asked) {
  const json::value* rules = bucket.if_contains("Cors");
  if (!rules) return std::nullopt;
  for (const json::value& one : rules->as_array()) {
    const json::object& rule = one.as_object();
    const json::array& verbs = rule.at(kVerbs).as_array();
    const json::value* origin = allowing_origin(rule, asked.origin);
    const auto is_allowed = [&](const std::string& header) { return allows_header(rule, header); };
    if (!origin ||
        std::find(verbs.begin(), verbs.end(), json::value(asked.method)) == verbs.end() ||
        !std::all_of(asked.headers.begin(), asked.headers.end(), is_allowed))
      continue;
    const bool anybody = *origin == "*";
    Headers out;
    out.add("access-control-allow-origin", anybody ? "*" : asked.origin);
    if (!anybody) out.add("access-control-allow-credentials", "true");
    out.add("access-control-allow-methods", joined(verbs));
    std::string headers;
    for (const std::string& name : asked.headers) headers += (headers.empty() ? "" : ", ") + name;
    if (!headers.empty()) out.add("access-control-allow-headers", headers);
    if (const json::array& exposed = rule.at(kExposed).as_array(); !exposed.empty())
      out.add("access-control-expose-headers", joined(exposed));
    if (rule.contains("MaxAgeSeconds"))
      out.add("access-control-max-age", std::to_string(int_of(rule, "MaxAgeSeconds")));
    out.add("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
    return out;
  }
  return std::nullopt;
}

}  // namespace sluice::s3
