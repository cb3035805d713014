// SPDX-License-Identifier: Apache-2.0
#include "services/cloudtrail/trails.h"

#include "services/cloudtrail/selectors.h"

namespace sluice::cloudtrail {
namespace {
// Settings by the names that requests give them.
constexpr std::pair<const char*, std::string Trail::*> kTexts[] = {
    {"S3BucketName", &Trail::bucket},
    {"S3KeyPrefix", &Trail::prefix},
    {"CloudWatchLogsLogGroupArn", &Trail::log_group},
    {"CloudWatchLogsRoleArn", &Trail::role},
    {"KmsKeyId", &Trail::kms_key}};
constexpr std::pair<const char*, bool Trail::*> kFlags[] = {
    {"IncludeGlobalServiceEvents", &Trail::global_events},
    {"IsMultiRegionTrail", &Trail::multi_region},
    {"EnableLogFileValidation", &Trail::validation}};

Result<Done> check_settings(const json::object& body) {
  const Fields fields(body);
  for (const auto& [name, member] : kTexts) CHECK(fields.text(name));
  for (const auto& [name, member] : kFlags) CHECK(fields.boolean(name));
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
Result<Done> apply(Trail& trail, const json::object& body, const Ports& ports,
                   const Snapshot& snapshot, Time time) {
  const Fields fields(body);
  for (const auto& [name, member] : kTexts)
    if (fields.find(name)) trail.*member = text_of(body, name);
  for (const auto& [name, member] : kFlags)
    if (fields.find(name)) trail.*member = bool_of(body, name);
  if (trail.bucket.empty()) return blank_bucket();
  if (trail.multi_region && !trail.global_events)
    return Error{400,
                 "InvalidParameterCombinationException",
                 "Multi-Region trail must include global service events.",
                 {}};
  if (trail.log_group.empty() != trail.role.empty()) {
    if (trail.role.empty())
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
  if (!trail.kms_key.empty()) {
    TRY(const KeyView view, ports.data_keys->find(trail.kms_key, snapshot));
    trail.kms_key = view.arn;
  }
  return Done{};
}

// Keeps the list of those who write into a bucket in step with the trails.
void guard(Staged& staged, const std::string& bucket, const std::string& name,
           const std::string* prefix) {
  GuardedBucket guarded = staged.get(guard_key(bucket)).value_or(GuardedBucket{});
  std::erase_if(guarded.guards, [&](const Guard& one) { return one.trail == name; });
  if (prefix) guarded.guards.push_back({name, *prefix});
  if (guarded.guards.empty())
    staged.erase(guard_key(bucket));
  else
    staged.put(guard_key(bucket), guarded);
}

json::object shown(const Trail& trail, const Scope& scope) {
  json::object out{{"Name", trail.name}};
  for (const auto& [name, member] : kTexts)
    if (!(trail.*member).empty()) out[name] = trail.*member;
  out["IncludeGlobalServiceEvents"] = trail.global_events;
  out["IsMultiRegionTrail"] = trail.multi_region;
  out["TrailARN"] = trail_arn(scope, trail.name);
  out["LogFileValidationEnabled"] = trail.validation;
  out["IsOrganizationTrail"] = false;
  return out;
}
json::object described(const Trail& trail, const Scope& scope) {
  json::object out = shown(trail, scope);
  out["HomeRegion"] = scope.region;
  out["HasCustomEventSelectors"] = trail.custom_selectors;
  out["HasInsightSelectors"] = false;
  return out;
}

// The current span of logging ends with the record of this very call.
void end_session(Staged& staged, Trail& trail, const std::string& request_id, Time time) {
  const auto key = session_key(trail.name, trail.session);
  if (auto session = staged.get(key)) {
    session->until = request_id;
    staged.put(key, *session);
  }
  trail.logging = false;
  trail.stopped = time;
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
Result<Done> add_tags(Trail& trail, const json::object& body, bool required) {
  TRY(const auto tags, tags_of(body, required));
  for (const auto& [key, value] : tags) trail.tags[key] = value;
  if (trail.tags.size() > kTagsMax)
    return Error{400, "TagsLimitExceededException", "A trail can have at most 50 tags.", {}};
  return Done{};
}
// Tags go by ARN only, and say ResourceNotFoundException.
Result<Trail> tagged_trail(Staged& staged, const OnTrailIn& in) {
  auto found = staged.get(trail_key(in.name));
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
  Trail trail;
  trail.name = in->name;
  trail.global_events = true;
  trail.basic = default_selectors();
  CHECK(apply(trail, in->body, in.ports(), staged.snapshot(), in.time()));
  CHECK(add_tags(trail, in->body, false));
  const std::string prefix = logs_prefix(trail, scope);
  guard(staged, trail.bucket, in->name, &prefix);
  staged.put(trail_key(in->name), trail);
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
  TRY(Trail trail, find_trail(staged, *in));
  guard(staged, trail.bucket, in->name, nullptr);
  CHECK(apply(trail, in->body, in.ports(), staged.snapshot(), in.time()));
  const std::string prefix = logs_prefix(trail, scope);
  guard(staged, trail.bucket, in->name, &prefix);
  staged.put(trail_key(in->name), trail);
  wake_after(in.ports(), staged);  // a cause of failed deliveries may be gone
  return shown(trail, scope);
}

Result<json::object> DeleteTrail::run(const Authorized<In>& in, Staged& staged) {
  TRY(Trail trail, find_trail(staged, *in));
  if (trail.logging) end_session(staged, trail, in.request_id(), in.time());
  // What is not delivered yet keeps the settings it is delivered by.
  staged.snapshot().scan(RecordPrefix<LoggingSession>{in->name}, "", false,
                         [&](std::string_view key, const LoggingSession&) {
                           const RecordKey<LoggingSession> own(key);
                           if (auto session = staged.get(own); session && !session->trail) {
                             session->trail = trail;
                             staged.put(own, *session);
                           }
                           return true;
                         });
  guard(staged, trail.bucket, in->name, nullptr);
  staged.erase(trail_key(in->name));
  staged.erase(status_key(in->name));
  wake_after(in.ports(), staged);
  return Out{};
}

Result<json::object> GetTrail::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const Trail trail, find_trail(s, *in));
  return Out{{"Trail", described(trail, s.scope())}};
}
Result<json::object> DescribeTrails::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const auto wanted, Fields(*in).texts("trailNameList"));
  CHECK(Fields(*in).boolean("includeShadowTrails"));
  json::array list;
  if (Fields(*in).find("trailNameList") && !wanted.empty()) {
    for (const std::string& one : wanted) {
      TRY(const std::string trail_name, name_of(one));
      if (const auto trail = s.get(trail_key(trail_name));
          trail && (!one.starts_with("arn:") || one == trail_arn(s.scope(), trail_name)))
        list.push_back(described(*trail, s.scope()));
    }
  } else {
    s.scan(RecordPrefix<Trail>{}, "", false, [&](std::string_view, const Trail& trail) {
      list.push_back(described(trail, s.scope()));
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
  TRY(const Trail trail, find_trail(s, *in));
  Out out{{"IsLogging", trail.logging},
          {"TimeLoggingStarted", ""},
          {"TimeLoggingStopped", ""},
          {"LatestDeliveryAttemptTime", ""},
          {"LatestDeliveryAttemptSucceeded", ""},
          {"LatestNotificationAttemptTime", ""},
          {"LatestNotificationAttemptSucceeded", ""}};
  const auto tell = [&](Time at, const char* number, const char* text) {
    if (!at) return;
    out[number] = seconds(at);
    if (text) out[text] = iso_seconds(at);
  };
  tell(trail.started, "StartLoggingTime", "TimeLoggingStarted");
  tell(trail.stopped, "StopLoggingTime", "TimeLoggingStopped");
  const auto status = s.get(status_key(in->name));
  if (!status) return out;
  tell(status->delivered, "LatestDeliveryTime", "LatestDeliveryAttemptSucceeded");
  tell(status->digested, "LatestDigestDeliveryTime", nullptr);
  tell(status->logged, "LatestCloudWatchLogsDeliveryTime", nullptr);
  if (status->attempted) out["LatestDeliveryAttemptTime"] = iso_seconds(status->attempted);
  for (const auto& [fact, code] :
       {std::pair{"LatestDeliveryError", &status->delivery_error},
        std::pair{"LatestDigestDeliveryError", &status->digest_error},
        std::pair{"LatestCloudWatchLogsDeliveryError", &status->logs_error}})
    if (!code->empty()) out[fact] = *code;
  return out;
}

Result<json::object> StartLogging::run(const Authorized<In>& in, Staged& staged) {
  TRY(Trail trail, find_trail(staged, *in));
  if (trail.logging) return Out{};
  uint64_t newest = 0;
  in.ports().store->audit_scan(staged.snapshot(), 0, [&](uint64_t sequence, std::string_view) {
    newest = sequence;
    return false;
  });
  // Its own record comes somewhere after `newest`; delivery begins with it.
  const std::string id = hex(big_endian64(newest));
  LoggingSession session{.from = in.request_id(), .position = newest};
  if (!trail.log_group.empty()) session.logs_position = newest;
  if (trail.validation) {
    session.chain_start = in.time();
    session.digested_through = newest;
  }
  staged.put(session_key(in->name, id), session);
  trail.logging = true;
  trail.started = in.time();
  trail.session = id;
  staged.put(trail_key(in->name), trail);
  wake_after(in.ports(), staged);
  return Out{};
}
Result<json::object> StopLogging::run(const Authorized<In>& in, Staged& staged) {
  TRY(Trail trail, find_trail(staged, *in));
  if (!trail.logging) return Out{};
  end_session(staged, trail, in.request_id(), in.time());
  staged.put(trail_key(in->name), trail);
  wake_after(in.ports(), staged);
  return Out{};
}

Result<json::object> AddTags::run(const Authorized<In>& in, Staged& staged) {
  TRY(Trail trail, tagged_trail(staged, *in));
  CHECK(add_tags(trail, in->body, true));
  staged.put(trail_key(in->name), trail);
  return Out{};
}
Result<json::object> RemoveTags::run(const Authorized<In>& in, Staged& staged) {
  TRY(Trail trail, tagged_trail(staged, *in));
  TRY(const auto tags, tags_of(in->body, true));
  for (const auto& [key, value] : tags) trail.tags.erase(key);
  staged.put(trail_key(in->name), trail);
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
    const auto trail = s.get(trail_key(one));
    if (!trail)
      return Error{
          400, "ResourceNotFoundException", "Unknown trail: " + trail_arn(s.scope(), one), {}};
    json::array tags;
    for (const auto& [key, value] : trail->tags)
      tags.push_back(json::object{{"Key", key}, {"Value", value}});
    list.push_back(
        json::object{{"ResourceId", trail_arn(s.scope(), one)}, {"TagsList", std::move(tags)}});
  }
  return Out{{"ResourceTagList", std::move(list)}};
}

}  // namespace sluice::cloudtrail
