// SPDX-License-Identifier: Apache-2.0
#include "services/s3/cors.h"

#include <algorithm>

#include "base/bytes.h"
#include "policy/match.h"

namespace sluice::s3 {
namespace {
constexpr size_t kRulesMax = 100, kIdCharactersMax = 255;
constexpr std::string_view kMethods[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};
// The names of a rule's lists in the document.
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

Result<std::vector<std::string>> parse_list(const pugi::xml_node& rule, const char* list) {
  std::vector<std::string> entries;
  for (const pugi::xml_node& entry : rule.children(list)) {
    entries.emplace_back(entry.child_value());
    CHECK(check_entry(list, entries.back()));
  }
  return entries;
}
Result<CorsRule> parse_rule(const pugi::xml_node& node) {
  CorsRule rule;
  TRY(rule.origins, parse_list(node, kOrigins));
  TRY(rule.methods, parse_list(node, kVerbs));
  TRY(rule.headers, parse_list(node, kHeaders));
  TRY(rule.exposed, parse_list(node, kExposed));
  if (rule.origins.empty() || rule.methods.empty()) return malformed_xml();
  if (const auto id = node.child("ID")) {
    if (std::string_view(id.child_value()).size() > kIdCharactersMax)
      return invalid("The ID of a CORS rule has at most 255 characters.");
    rule.id = id.child_value();
  }
  if (const auto age = node.child("MaxAgeSeconds")) {
    const auto seconds = parse_int(age.child_value());
    if (!seconds || *seconds < 0 || *seconds > INT32_MAX) return malformed_xml();
    rule.max_age_s = seconds;
  }
  return rule;
}

bool allows_header(const CorsRule& rule, const std::string& header) {
  for (const std::string& pattern : rule.headers)
    if (policy::glob(lower(pattern), header)) return true;
  return false;
}
const std::string* allowing_origin(const CorsRule& rule, const std::string& origin) {
  for (const std::string& pattern : rule.origins)
    if (policy::glob(pattern, origin)) return &pattern;
  return nullptr;
}
std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}
void write_list(XmlWriter& xml, const char* list, const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) xml.element(list, entry);
}
}  // namespace

Result<Text> PutBucketCors::run(const Authorized<In>& in, Staged& staged) {
  TRY(Bucket bucket, bucket_to_change(staged, in->bucket));
  TRY(const auto document, parse_xml(in->text));
  std::vector<CorsRule> rules;
  for (const pugi::xml_node& node : document->child("CORSConfiguration").children("CORSRule")) {
    TRY(CorsRule rule, parse_rule(node));
    rules.push_back(std::move(rule));
  }
  if (rules.empty()) return malformed_xml();
  if (rules.size() > kRulesMax)
    return invalid("The number of CORS rules should not exceed allowed limit of 100 rules.");
  bucket.cors = std::move(rules);
  staged.put(bucket_key(in->bucket), bucket);
  return Text{};
}
Result<Text> GetBucketCors::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto bucket, find_bucket(snapshot, in->bucket));
  if (bucket->cors.empty())
    return Error{404,
                 "NoSuchCORSConfiguration",
                 "The CORS configuration does not exist",
                 {{"BucketName", in->bucket}}};
  XmlWriter xml;
  xml.open("CORSConfiguration", kXmlns);
  for (const CorsRule& rule : bucket->cors) {
    xml.open("CORSRule");
    if (rule.id) xml.element("ID", *rule.id);
    write_list(xml, kHeaders, rule.headers);
    write_list(xml, kVerbs, rule.methods);
    write_list(xml, kOrigins, rule.origins);
    write_list(xml, kExposed, rule.exposed);
    if (rule.max_age_s) xml.element("MaxAgeSeconds", std::to_string(*rule.max_age_s));
    xml.close("CORSRule");
  }
  xml.close("CORSConfiguration");
  return xml_text(xml);
}
Result<Text> DeleteBucketCors::run(const Authorized<In>& in, Staged& staged) {
  TRY(Bucket bucket, bucket_to_change(staged, in->bucket));
  bucket.cors.clear();
  staged.put(bucket_key(in->bucket), bucket);
  return Text{204, "", ""};
}

std::optional<Headers> cross_origin_headers(const Bucket& bucket, const CrossOrigin& asked) {
  for (const CorsRule& rule : bucket.cors) {
    const std::string* origin = allowing_origin(rule, asked.origin);
    const auto is_allowed = [&](const std::string& header) { return allows_header(rule, header); };
    if (!origin ||
        std::find(rule.methods.begin(), rule.methods.end(), asked.method) == rule.methods.end() ||
        !std::all_of(asked.headers.begin(), asked.headers.end(), is_allowed))
      continue;
    const bool anybody = *origin == "*";
    Headers out;
    out.add("access-control-allow-origin", anybody ? "*" : asked.origin);
    if (!anybody) out.add("access-control-allow-credentials", "true");
    out.add("access-control-allow-methods", joined(rule.methods));
    std::string headers;
    for (const std::string& name : asked.headers) headers += (headers.empty() ? "" : ", ") + name;
    if (!headers.empty()) out.add("access-control-allow-headers", headers);
    if (!rule.exposed.empty()) out.add("access-control-expose-headers", joined(rule.exposed));
    if (rule.max_age_s) out.add("access-control-max-age", std::to_string(*rule.max_age_s));
    out.add("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
    return out;
  }
  return std::nullopt;
}

}  // namespace sluice::s3
