// SPDX-License-Identifier: Apache-2.0
// Notifications of buckets: Lambda functions are told of events, by prefix and suffix of the key.
#include "base/bytes.h"
#include "base/random.h"
#include "services/s3/buckets.h"

namespace sluice::s3 {
namespace {
Result<Notification> parse_function_configuration(const pugi::xml_node& node, const Scope& scope) {
  Notification parsed{node.child_value("Id"), node.child_value("CloudFunction"), {}, {}, {}};
  if (parsed.id.empty()) parsed.id = base64(random_bytes(36));
  const auto arn = parse_arn(parsed.arn);
  if (!arn || arn->service != "lambda" || arn->region != scope.region)
    return Error{400,
                 "InvalidArgument",
                 "The ARN could not be parsed",
                 {{"ArgumentName", "CloudFunction"}, {"ArgumentValue", parsed.arn}}};
  for (const auto& event : node.children("Event")) {
    const std::string_view name = event.child_value();
    if (!name.starts_with("s3:ObjectCreated:") && !name.starts_with("s3:ObjectRemoved:"))
      return Error{400,
                   "InvalidArgument",
                   "The event '" + std::string(name) + "' is not supported for notifications",
                   {{"ArgumentName", "Event"}}};
    parsed.events.emplace_back(name);
  }
  if (parsed.events.empty()) return malformed_xml();
  for (const auto& rule : node.child("Filter").child("S3Key").children("FilterRule")) {
    const std::string name = lower(rule.child_value("Name"));
    if (name != "prefix" && name != "suffix")
      return Error{400,
                   "InvalidArgument",
                   "filter rule name must be either prefix or suffix",
                   {{"ArgumentName", "FilterRule.Name"}}};
    (name == "prefix" ? parsed.prefix : parsed.suffix) = rule.child_value("Value");
  }
  return parsed;
}
bool overlap(const Notification& a, const Notification& b) {
  if ((!a.prefix.starts_with(b.prefix) && !b.prefix.starts_with(a.prefix)) ||
      (!a.suffix.ends_with(b.suffix) && !b.suffix.ends_with(a.suffix)))
    return false;
  for (const std::string& x : a.events)
    for (const std::string& y : b.events) {
      const auto covers = [](std::string_view p, std::string_view q) {
        return p == q || (p.ends_with('*') && q.starts_with(p.substr(0, p.size() - 1)));
      };
      if (covers(x, y) || covers(y, x)) return true;
    }
  return false;
}
// Checks that the policy of the function lets S3 invoke it for this bucket of this account.
Result<Done> check_destination(const Authorized<BucketIn>& in, const std::string& arn,
                               const Snapshot& snapshot) {
  const Error refused{400,
                      "InvalidArgument",
                      "Unable to validate the following destination configurations",
                      {{"ArgumentName1", arn + ", null"},
                       {"ArgumentValue1", "Not authorized to invoke function [" + arn + "]"}}};
  if (!in.ports().function_policies) return refused;
  auto policies = in.ports().function_policies->policies(arn, snapshot);
  if (!policies) return refused;
  const std::string& account = snapshot.scope().account_id;
  policy::Question q{{policy::Principal::Type::service, "s3.amazonaws.com", "", "", account},
                     "lambda:InvokeFunction",
                     arn,
                     {{"aws:sourcearn", {s3_arn(in->bucket)}},
                      {"aws:sourceaccount", {account}},
                      {"aws:securetransport", {"true"}}},
                     account,
                     {.identity = {}, .resource = *std::move(policies)}};
  if (!policy::decide(q).allowed()) return refused;
  return Done{};
}
}  // namespace

Result<Text> PutBucketNotificationConfiguration::run(const Authorized<In>& in, Staged& staged) {
  TRY(Bucket bucket, bucket_to_change(staged, in->bucket));
  TRY(const auto document, parse_xml(in->text));
  const auto root = document->child("NotificationConfiguration");
  if (!root) return malformed_xml();
  if (root.child("TopicConfiguration") || root.child("QueueConfiguration") ||
      root.child("EventBridgeConfiguration"))
    return Error{501, "NotImplemented", "Sluice notifies Lambda functions only.", {}};
  std::vector<Notification> configurations;
  for (const auto& node : root.children("CloudFunctionConfiguration")) {
    TRY(Notification parsed, parse_function_configuration(node, staged.snapshot().scope()));
    for (const Notification& other : configurations)
      if (overlap(parsed, other))
        return Error{400,
                     "InvalidArgument",
                     "Configurations overlap. Configurations on the same bucket cannot share a "
                     "common event type.",
                     {}};
    CHECK(check_destination(in, parsed.arn, staged.snapshot()));
    configurations.push_back(std::move(parsed));
    if (configurations.size() > 100)
      return Error{
          400, "InvalidArgument", "At most 100 notification configurations are allowed", {}};
  }
  bucket.notifications = std::move(configurations);
  staged.put(bucket_key(in->bucket), bucket);
  return Text{};
}
Result<Text> GetBucketNotificationConfiguration::run(const Authorized<In>& in,
                                                     const Snapshot& snapshot) {
  TRY(const auto bucket, find_bucket(snapshot, in->bucket));
  XmlWriter xml;
  xml.open("NotificationConfiguration", kXmlns);
  for (const Notification& one : bucket->notifications) {
    xml.open("CloudFunctionConfiguration").element("Id", one.id).element("CloudFunction", one.arn);
    for (const std::string& event : one.events) xml.element("Event", event);
    if (!one.prefix.empty() || !one.suffix.empty()) {
      xml.open("Filter").open("S3Key");
      for (const auto& [rule, value] :
           {std::pair{"Prefix", &one.prefix}, std::pair{"Suffix", &one.suffix}})
        if (!value->empty())
          xml.open("FilterRule").element("Name", rule).element("Value", *value).close("FilterRule");
      xml.close("S3Key").close("Filter");
    }
    xml.close("CloudFunctionConfiguration");
  }
  xml.close("NotificationConfiguration");
  return Text{200, xml.take(), "application/xml"};
}

}  // namespace sluice::s3
