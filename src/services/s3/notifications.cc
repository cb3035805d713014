// SPDX-License-Identifier: Apache-2.0
// Bucket notifications: to Lambda functions, by event, prefix and suffix.
#include "base/bytes.h"
#include "base/random.h"
#include "services/s3/buckets.h"

namespace sluice::s3 {
namespace {
Result<json::object> parse_function_configuration(const pugi::xml_node& node, const Scope& scope) {
  json::object c{{"Id", node.child_value("Id")},
                 {"Arn", node.child_value("CloudFunction")},
                 {"Events", json::array{}},
                 {"Prefix", ""},
                 {"Suffix", ""}};
  if (text_of(c, "Id").empty()) c["Id"] = base64(random_bytes(36));
  const auto arn = parse_arn(text_of(c, "Arn"));
  if (!arn || arn->service != "lambda" || arn->region != scope.region)
    return Error{400,
                 "InvalidArgument",
                 "The ARN could not be parsed",
                 {{"ArgumentName", "CloudFunction"}, {"ArgumentValue", text_of(c, "Arn")}}};
  for (const auto& event : node.children("Event")) {
    const std::string_view name = event.child_value();
    if (!name.starts_with("s3:ObjectCreated:") && !name.starts_with("s3:ObjectRemoved:"))
      return Error{400,
                   "InvalidArgument",
                   "The event '" + std::string(name) + "' is not supported for notifications",
                   {{"ArgumentName", "Event"}}};
    c["Events"].as_array().emplace_back(name);
  }
  if (c["Events"].as_array().empty()) return malformed_xml();
  for (const auto& rule : node.child("Filter").child("S3Key").children("FilterRule")) {
    const std::string name = lower(rule.child_value("Name"));
    if (name != "prefix" && name != "suffix")
      return Error{400,
                   "InvalidArgument",
                   "filter rule name must be either prefix or suffix",
                   {{"ArgumentName", "FilterRule.Name"}}};
    c[name == "prefix" ? "Prefix" : "Suffix"] = rule.child_value("Value");
  }
  return c;
}
bool overlap(const json::object& a, const json::object& b) {
  const std::string pa = text_of(a, "Prefix"), pb = text_of(b, "Prefix"), sa = text_of(a, "Suffix"),
                    sb = text_of(b, "Suffix");
  if ((!pa.starts_with(pb) && !pb.starts_with(pa)) || (!sa.ends_with(sb) && !sb.ends_with(sa)))
    return false;
  for (const auto& ea : a.at("Events").as_array())
    for (const auto& eb : b.at("Events").as_array()) {
      const std::string_view x = ea.as_string(), y = eb.as_string();
      const auto covers = [](std::string_view p, std::string_view q) {
        return p == q || (p.ends_with('*') && q.starts_with(p.substr(0, p.size() - 1)));
      };
      if (covers(x, y) || covers(y, x)) return true;
    }
  return false;
}
// S3 may invoke only what the function's policy lets it, for this bucket of this account.
Result<Done> check_destination(const Authorized<BucketIn>& in, const std::string& arn,
                               const Snapshot& snapshot) {
  const Error refused{400,
                      "InvalidArgument",
                      "Unable to validate the following destination configurations",
                      {{"ArgumentName1", arn + ", null"},
                       {"ArgumentValue1", "Not authorized to invoke function [" + arn + "]"}}};
  if (!in.ports().function_policies) return refused;
  auto text = in.ports().function_policies->policy(arn, snapshot);
  if (!text || text->empty()) return refused;
  const std::string& account = snapshot.scope().account_id;
  policy::Question q{
      {policy::Principal::Type::service, "s3.amazonaws.com", "", "", account},
      "lambda:InvokeFunction",
      arn,
      {{"aws:sourcearn", {s3_arn(in->bucket)}},
       {"aws:sourceaccount", {account}},
       {"aws:securetransport", {"true"}}},
      account,
      {},
      {{policy::Kind::resource, policy::parse_cached(*text, policy::Kind::resource)}}};
  if (!policy::decide(q).allowed()) return refused;
  return Done{};
}
}  // namespace

Result<Text> PutBucketNotificationConfiguration::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object bucket, tracked_bucket(staged, in->bucket));
  TRY(const auto document, parse_xml(in->text));
  const auto root = document->child("NotificationConfiguration");
  if (!root) return malformed_xml();
  if (root.child("TopicConfiguration") || root.child("QueueConfiguration") ||
      root.child("EventBridgeConfiguration"))
    return Error{501, "NotImplemented", "Sluice notifies Lambda functions only.", {}};
  json::array configurations;
  for (const auto& node : root.children("CloudFunctionConfiguration")) {
    TRY(json::object c, parse_function_configuration(node, staged.snapshot().scope()));
    for (const json::value& other : configurations)
      if (overlap(c, other.as_object()))
        return Error{400,
                     "InvalidArgument",
                     "Configurations overlap. Configurations on the same bucket cannot share a "
                     "common event type.",
                     {}};
    CHECK(check_destination(in, text_of(c, "Arn"), staged.snapshot()));
    configurations.push_back(std::move(c));
    if (configurations.size() > 100)
      return Error{
          400, "InvalidArgument", "At most 100 notification configurations are allowed", {}};
  }
  bucket["Notifications"] = std::move(configurations);
  staged.put_json(bucket_key(in->bucket), bucket);
  return Text{};
}
Result<Text> GetBucketNotificationConfiguration::run(const Authorized<In>& in,
                                                     const Snapshot& snapshot) {
  TRY(const json::object bucket, find_bucket(snapshot, in->bucket));
  XmlWriter xml;
  xml.open("NotificationConfiguration", kXmlns);
  for (const json::value& one : bucket.at("Notifications").as_array()) {
    const json::object& c = one.as_object();
    xml.open("CloudFunctionConfiguration")
        .element("Id", text_of(c, "Id"))
        .element("CloudFunction", text_of(c, "Arn"));
    for (const json::value& event : c.at("Events").as_array())
      xml.element("Event", std::string_view(event.as_string()));
    if (!text_of(c, "Prefix").empty() || !text_of(c, "Suffix").empty()) {
      xml.open("Filter").open("S3Key");
      for (const char* name : {"Prefix", "Suffix"})
        if (const std::string value = text_of(c, name); !value.empty())
          xml.open("FilterRule").element("Name", name).element("Value", value).close("FilterRule");
      xml.close("S3Key").close("Filter");
    }
    xml.close("CloudFunctionConfiguration");
  }
  xml.close("NotificationConfiguration");
  return Text{200, xml.take(), "application/xml"};
}

}  // namespace sluice::s3
