// SPDX-License-Identifier: Apache-2.0
#include "services/cloudtrail/trails.h"

#include "services/cloudtrail/selectors.h"

namespace sluice::cloudtrail {
namespace {
using Texts = std::initializer_list<const char*>;
constexpr Texts kTexts = {"S3BucketName", "S3KeyPrefix", "CloudWatchLogsLogGroupArn",
                          "CloudWatchLogsRoleArn", "KmsKeyId"};
constexpr Texts kOptionalTexts = {"S3KeyPrefix", "CloudWatchLogsLogGroupArn",
                                  "CloudWatchLogsRoleArn", "KmsKeyId"};
constexpr Texts kFlags = {"IncludeGlobalServiceEvents", "IsMultiRegionTrail"};

Result<Done> check_settings(const json::object& body) {
  const Fields fields(body);
  for (const char* name : kTexts) CHECK(fields.text(name));
  for (const char* name : kFlags) CHECK(fields.boolean(name));
  CHECK(fields.boolean("EnableLogFileValidation"));
  TRY(const auto organization, fields.boolean("IsOrganizationTrail"));
  if (organization.value_or(false))
    return Error{400,
                 "OrganizationsNotInUseException",
                 "Sluice has one account and no organization: IsOrganizationTrail must be false.",
                 {}};
  TRY(const auto topic, fields.text("SnsTopicName"));
  if (topic && !topic->empty())
    return Error{400,
                 "UnsupportedOperationException",
                 "Sluice has no SNS topics: leave SnsTopicName out.",
                 {}};
  const std::string prefix = text_of(body, "S3KeyPrefix");
  if (prefix.size() > kPrefixMax)
    return Error{
        400, "InvalidS3PrefixException", "S3 prefix is longer than maximum length: 200", {}};
  if (prefix.starts_with('/') || prefix.ends_with('/'))
    return Error{
        400, "InvalidS3PrefixException", "S3 prefix must not begin or end with a slash.", {}};
  return Done{};
}
Error blank_bucket() {
  return {400, "InvalidS3BucketNameException", "Bucket name cannot be blank!", {}};
}

std::vector<Need> with_pass_role(std::string_view action, const OnTrailIn& in, const Snapshot& s) {
  std::vector<Need> needs{{std::string(action), trail_arn(s.scope(), in.name), {}, {}, ""}};
  if (const std::string role = text_of(in.body, "CloudWatchLogsRoleArn"); !role.empty())
    needs.push_back({"iam:PassRole",
                     role,
                     {{"iam:passedtoservice", {std::string(kPrincipal)}},
                      {"iam:associatedresourcearn", {trail_arn(s.scope(), in.name)}}},
                     {},
                     ""});
  return needs;
}

// What was sent onto the record: then the whole is checked against the world.
Result<Done> apply(json::object& trail, const json::object& body, const Ports& ports,
                   const Snapshot& snapshot, Time time) {
  const Fields fields(body);
  for (const char* name : kTexts)
    if (fields.find(name)) trail[name] = text_of(body, name);
  for (const char* name : kFlags)
    if (fields.find(name)) trail[name] = bool_of(body, name);
  if (fields.find("EnableLogFileValidation"))
    trail["LogFileValidationEnabled"] = bool_of(body, "EnableLogFileValidation");
  if (text_of(trail, "S3BucketName").empty()) return blank_bucket();
  if (bool_of(trail, "IsMultiRegionTrail") && !bool_of(trail, "IncludeGlobalServiceEvents"))
    return Error{400,
                 "InvalidParameterCombinationException",
                 "Multi-Region trail must include global service events.",
                 {}};
  if (text_of(trail, "CloudWatchLogsLogGroupArn").empty() !=
      text_of(trail, "CloudWatchLogsRoleArn").empty()) {
    if (text_of(trail, "CloudWatchLogsRoleArn").empty())
      return Error{400,
                   "InvalidCloudWatchLogsRoleArnException",
                   "You must specify a role ARN as well as a log group.",
                   {}};
    return Error{400,
                 "InvalidCloudWatchLogsLogGroupArnException",
                 "You must specify a log group as well as a role ARN.",
                 {}};
  }
  CHECK(check_destination(trail, ports, snapshot, time));
  if (const std::string key = text_of(trail, "KmsKeyId"); !key.empty()) {
    TRY(const KeyView view, ports.data_keys->find(key, snapshot));
    trail["KmsKeyId"] = view.arn;
  }
  return Done{};
}

// Keeps the list of those who write into a bucket in step with the trails.
void guard(Staged& staged, const std::string& bucket, const std::string& name,
           const std::string* prefix) {
  const auto record = staged.get_json(guard_key(bucket));
  json::array kept;
  if (record)
    for (const json::value& one : record->at("Guards").as_array())
      if (text_of(one.as_object(), "Trail") != name) kept.push_back(one);
  if (prefix) kept.push_back(json::object{{"Trail", name}, {"Prefix", *prefix}});
  if (kept.empty())
    staged.erase(guard_key(bucket));
  else
    staged.put_json(guard_key(bucket), json::object{{"Guards", std::move(kept)}});
}

json::object shown(const json::object& trail, const Scope& scope) {
  json::object out{{"Name", text_of(trail, "Name")},
                   {"S3BucketName", text_of(trail, "S3BucketName")}};
  for (const char* name : kOptionalTexts)
    if (const std::string text = text_of(trail, name); !text.empty()) out[name] = text;
  for (const char* name : kFlags) out[name] = bool_of(trail, name);
  out["TrailARN"] = trail_arn(scope, text_of(trail, "Name"));
  out["LogFileValidationEnabled"] = bool_of(trail, "LogFileValidationEnabled");
  out["IsOrganizationTrail"] = false;
  return out;
}
json::object described(const json::object& trail, const Scope& scope) {
  json::object out = shown(trail, scope);
  out["HomeRegion"] = scope.region;
  out["HasCustomEventSelectors"] = bool_of(trail, "HasCustomEventSelectors");
  out["HasInsightSelectors"] = false;
  return out;
}

// The current span of logging ends with the record of this very call.
void end_session(Staged& staged, json::object& trail, const std::string& request_id, Time time) {
  const Key key = session_key(text_of(trail, "Name"), text_of(trail, "Session"));
  if (auto session = staged.get_json(key)) {
    (*session)["Until"] = request_id;
    staged.put_json(key, *session);
  }
  trail["Logging"] = false;
  trail["Stopped"] = time;
}
void wake_after(const Ports& ports, Staged& staged) {
  if (ports.trails) staged.after_commit([trails = ports.trails] { trails->wake(); });
}

Error bad_tag(std::string text) {
  return {400, "InvalidTagParameterException", std::move(text), {}};
}
Result<std::vector<std::pair<std::string, std::string>>> tags_of(const json::object& body,
                                                                 bool required) {
  TRY(const json::array* list, Fields(body).array("TagsList"));
  if (!list && required) return bad_tag("TagsList must be given.");
  std::vector<std::pair<std::string, std::string>> out;
  if (list)
    for (const json::value& one : *list) {
      if (!one.is_object()) return bad_tag("Every tag must be a structure of Key and Value.");
      TRY(const auto key, Fields(one.get_object()).text("Key"));
      TRY(const auto value, Fields(one.get_object()).text("Value"));
      if (!key || key->empty() || key->size() > 128 || key->starts_with("aws:"))
        return bad_tag("A tag key has 1 to 128 characters and does not start with aws:.");
      if (value.value_or("").size() > 256)
        return bad_tag("A tag value has at most 256 characters.");
      out.emplace_back(*key, value.value_or(""));
    }
  return out;
}
Result<Done> add_tags(json::object& trail, const json::object& body, bool required) {
  TRY(const auto tags, tags_of(body, required));
  json::object& kept = trail["Tags"].as_object();
  for (const auto& [key, value] : tags) kept[key] = value;
  if (kept.size() > kTagsMax)
    return Error{400, "TagsLimitExceededException", "A trail can have at most 50 tags.", {}};
  return Done{};
}
// Tags go by ARN only, and say ResourceNotFoundException.
Result<json::object> tagged_trail(Staged& staged, const OnTrailIn& in) {
  auto found = staged.get_json(trail_key(in.name));
  if (!found)
    return Error{400,
                 "ResourceNotFoundException",
                 "Unknown trail: " + trail_arn(staged.snapshot().scope(), in.name),
                 {}};
  return *std::move(found);
}
}  // namespace

Result<OnTrailIn> CreateTrail::parse(const Request& request) {
  TRY(In in, parse_on_trail(request, member));
  if (text_of(in.body, "Name").starts_with("arn:"))
    return Error{400,
                 "InvalidTrailNameException",
                 "Trail name or ARN can have uppercase letters, lowercase letters, numbers, "
                 "periods (.), hyphens (-), and underscores (_).",
                 {}};
  CHECK(check_settings(in.body));
  if (text_of(in.body, "S3BucketName").empty()) return blank_bucket();
  CHECK(tags_of(in.body, false));
  return in;
}
Result<std::vector<Need>> CreateTrail::needs(const In& in, const Snapshot& s) {
  return with_pass_role(action, in, s);
}
Result<json::object> CreateTrail::run(const Authorized<In>& in, Staged& staged) {
  const Scope& scope = staged.snapshot().scope();
  if (staged.get(trail_key(in->name)))
    return Error{400,
                 "TrailAlreadyExistsException",
                 "Trail " + in->name + " already exists for customer: " + scope.account_id,
                 {}};
  size_t count = 0;
  staged.snapshot().scan(schema::prefix(Family::meta, "cloudtrail.trail", {}), "", false,
                         [&](std::string_view, std::string_view) { return ++count <= kTrailsMax; });
  if (count >= kTrailsMax)
    return Error{400,
                 "MaximumNumberOfTrailsExceededException",
                 "User: " + scope.account_id + " already has 5 trails in " + scope.region + ".",
                 {}};
  json::object trail{{"Name", in->name},
                     {"S3KeyPrefix", ""},
                     {"IncludeGlobalServiceEvents", true},
                     {"IsMultiRegionTrail", false},
                     {"LogFileValidationEnabled", false},
                     {"Tags", json::object{}},
                     {"EventSelectors", default_selectors()},
                     {"HasCustomEventSelectors", false},
                     {"Logging", false}};
  CHECK(apply(trail, in->body, in.ports(), staged.snapshot(), in.time()));
  CHECK(add_tags(trail, in->body, false));
  const std::string prefix = logs_prefix(trail, scope);
  guard(staged, text_of(trail, "S3BucketName"), in->name, &prefix);
  staged.put_json(trail_key(in->name), trail);
  return shown(trail, scope);
}

Result<OnTrailIn> UpdateTrail::parse(const Request& request) {
  TRY(In in, parse_on_trail(request, member));
  CHECK(check_settings(in.body));
  return in;
}
Result<std::vector<Need>> UpdateTrail::needs(const In& in, const Snapshot& s) {
  return with_pass_role(action, in, s);
}
Result<json::object> UpdateTrail::run(const Authorized<In>& in, Staged& staged) {
  const Scope& scope = staged.snapshot().scope();
  TRY(json::object trail, find_trail(staged, scope, *in));
  guard(staged, text_of(trail, "S3BucketName"), in->name, nullptr);
  CHECK(apply(trail, in->body, in.ports(), staged.snapshot(), in.time()));
  const std::string prefix = logs_prefix(trail, scope);
  guard(staged, text_of(trail, "S3BucketName"), in->name, &prefix);
  staged.put_json(trail_key(in->name), trail);
  wake_after(in.ports(), staged);  // a cause of failed deliveries may be gone
  return shown(trail, scope);
}

Result<json::object> DeleteTrail::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object trail, find_trail(staged, staged.snapshot().scope(), *in));
  if (bool_of(trail, "Logging")) end_session(staged, trail, in.request_id(), in.time());
  // What is not delivered yet keeps the settings it is delivered by.
  staged.snapshot().scan(schema::prefix(Family::meta, "cloudtrail.session", {in->name}), "", false,
                         [&](std::string_view key, std::string_view) {
                           const Key own{Family::meta, std::string(key)};
                           if (auto session = staged.get_json(own);
                               session && !session->contains("Trail")) {
                             (*session)["Trail"] = trail;
                             staged.put_json(own, *session);
                           }
                           return true;
                         });
  guard(staged, text_of(trail, "S3BucketName"), in->name, nullptr);
  staged.erase(trail_key(in->name));
  staged.erase(status_key(in->name));
  wake_after(in.ports(), staged);
  return Out{};
}

Result<json::object> GetTrail::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const json::object trail, find_trail(s, s.scope(), *in));
  return Out{{"Trail", described(trail, s.scope())}};
}
Result<json::object> DescribeTrails::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const auto wanted, Fields(*in).texts("trailNameList"));
  CHECK(Fields(*in).boolean("includeShadowTrails"));
  json::array list;
  if (Fields(*in).find("trailNameList") && !wanted.empty()) {
    for (const std::string& one : wanted) {
      TRY(const std::string trail_name, name_of(one));
      if (const auto trail = s.get_json(trail_key(trail_name));
          trail && (!one.starts_with("arn:") || one == trail_arn(s.scope(), trail_name)))
        list.push_back(described(*trail, s.scope()));
    }
  } else {
    s.scan(schema::prefix(Family::meta, "cloudtrail.trail", {}), "", false,
           [&](std::string_view, std::string_view value) {
             if (const auto trail = parse_json_object(value))
               list.push_back(described(*trail, s.scope()));
             return true;
           });
  }
  return Out{{"trailList", std::move(list)}};
}
Result<json::object> ListTrails::run(const Authorized<In>&, const Snapshot& s) {
  json::array list;
  s.scan(schema::prefix(Family::meta, "cloudtrail.trail", {}), "", false,
         [&](std::string_view key, std::string_view) {
           const std::string trail_name = schema::parts(key).at(0);
           list.push_back(json::object{{"TrailARN", trail_arn(s.scope(), trail_name)},
                                       {"Name", trail_name},
                                       {"HomeRegion", s.scope().region}});
           return true;
         });
  return Out{{"Trails", std::move(list)}};
}

Result<json::object> GetTrailStatus::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const json::object trail, find_trail(s, s.scope(), *in));
  Out out{{"IsLogging", bool_of(trail, "Logging")},
          {"TimeLoggingStarted", ""},
          {"TimeLoggingStopped", ""},
          {"LatestDeliveryAttemptTime", ""},
          {"LatestDeliveryAttemptSucceeded", ""},
          {"LatestNotificationAttemptTime", ""},
          {"LatestNotificationAttemptSucceeded", ""}};
  const auto tell = [&](const json::object& from, const char* member, const char* number,
                        const char* text) {
    const Time at = int_of(from, member);
    if (!at) return;
    out[number] = seconds(at);
    if (text) out[text] = iso_seconds(at);
  };
  tell(trail, "Started", "StartLoggingTime", "TimeLoggingStarted");
  tell(trail, "Stopped", "StopLoggingTime", "TimeLoggingStopped");
  const auto status = s.get_json(status_key(in->name));
  if (!status) return out;
  tell(*status, "Delivered", "LatestDeliveryTime", "LatestDeliveryAttemptSucceeded");
  tell(*status, "Digested", "LatestDigestDeliveryTime", nullptr);
  tell(*status, "Logged", "LatestCloudWatchLogsDeliveryTime", nullptr);
  if (const Time at = int_of(*status, "Attempted"))
    out["LatestDeliveryAttemptTime"] = iso_seconds(at);
  for (const char* member :
       {"LatestDeliveryError", "LatestDigestDeliveryError", "LatestCloudWatchLogsDeliveryError"})
    if (const std::string code = text_of(*status, member); !code.empty()) out[member] = code;
  return out;
}

Result<json::object> StartLogging::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object trail, find_trail(staged, staged.snapshot().scope(), *in));
  if (bool_of(trail, "Logging")) return Out{};
  uint64_t newest = 0;
  in.ports().store->audit_scan(staged.snapshot(), 0, [&](uint64_t sequence, std::string_view) {
    newest = sequence;
    return false;
  });
  // Its own record comes somewhere after `newest`; delivery begins with it.
  const std::string id = hex(big_endian64(newest));
  json::object session{{"From", in.request_id()}, {"Until", ""}, {"Position", newest}};
  if (!text_of(trail, "CloudWatchLogsLogGroupArn").empty()) session["LogsPosition"] = newest;
  if (bool_of(trail, "LogFileValidationEnabled")) {
    session["ChainStart"] = in.time();
    session["DigestedThrough"] = newest;
  }
  staged.put_json(session_key(in->name, id), session);
  trail["Logging"] = true;
  trail["Started"] = in.time();
  trail["Session"] = id;
  staged.put_json(trail_key(in->name), trail);
  wake_after(in.ports(), staged);
  return Out{};
}
Result<json::object> StopLogging::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object trail, find_trail(staged, staged.snapshot().scope(), *in));
  if (!bool_of(trail, "Logging")) return Out{};
  end_session(staged, trail, in.request_id(), in.time());
  staged.put_json(trail_key(in->name), trail);
  wake_after(in.ports(), staged);
  return Out{};
}

Result<json::object> AddTags::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object trail, tagged_trail(staged, *in));
  CHECK(add_tags(trail, in->body, true));
  staged.put_json(trail_key(in->name), trail);
  return Out{};
}
Result<json::object> RemoveTags::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object trail, tagged_trail(staged, *in));
  TRY(const auto tags, tags_of(in->body, true));
  for (const auto& [key, value] : tags) trail["Tags"].as_object().erase(key);
  staged.put_json(trail_key(in->name), trail);
  return Out{};
}
Result<ListTags::In> ListTags::parse(const Request& request) {
  TRY(const json::object body, parse_json_object(request.body));
  TRY(const auto resources, Fields(body).texts("ResourceIdList"));
  if (resources.empty() || resources.size() > kTagResourcesMax)
    return Error{400, "InvalidParameterException", "ResourceIdList must name 1 to 20 trails.", {}};
  In in;
  for (const std::string& one : resources) {
    if (!one.starts_with("arn:"))
      return Error{
          400, "CloudTrailARNInvalidException", "ResourceIdList takes ARNs of trails.", {}};
    TRY(std::string trail_name, name_of(one));
    in.names.push_back(std::move(trail_name));
  }
  return in;
}
Result<std::vector<Need>> ListTags::needs(const In& in, const Snapshot& s) {
  std::vector<Need> needs;
  for (const std::string& one : in.names)
    needs.push_back({std::string(action), trail_arn(s.scope(), one), {}, {}, ""});
  return needs;
}
Result<json::object> ListTags::run(const Authorized<In>& in, const Snapshot& s) {
  json::array list;
  for (const std::string& one : in->names) {
    const auto trail = s.get_json(trail_key(one));
    if (!trail)
      return Error{
          400, "ResourceNotFoundException", "Unknown trail: " + trail_arn(s.scope(), one), {}};
    json::array tags;
    for (const auto& [key, value] : trail->at("Tags").as_object())
      tags.push_back(json::object{{"Key", key}, {"Value", value}});
    list.push_back(
        json::object{{"ResourceId", trail_arn(s.scope(), one)}, {"TagsList", std::move(tags)}});
  }
  return Out{{"ResourceTagList", std::move(list)}};
}

}  // namespace sluice::cloudtrail
