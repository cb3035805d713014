// SPDX-License-Identifier: Apache-2.0
#include "services/s3/object_lock.h"

#include "base/bytes.h"

namespace sluice::s3 {
namespace {
constexpr int64_t kDayMs = 86'400'000;
constexpr std::string_view kMode = "x-amz-object-lock-mode",
                           kUntil = "x-amz-object-lock-retain-until-date",
                           kHold = "x-amz-object-lock-legal-hold";

struct Retention {
  std::string mode;
  Time until = 0;
};  // mode "": none
Retention retention_of(const json::object& facts) {
  return {text_of(facts, "LockMode"), int_of(facts, "LockUntil")};
}
bool is_mode(std::string_view text) { return text == "GOVERNANCE" || text == "COMPLIANCE"; }
Error is_protected() {
  return {403, "AccessDenied", "Access Denied because object protected by object lock.", {}};
}
Error no_lock_on_bucket() {
  return {400, "InvalidRequest", "Bucket is missing Object Lock Configuration", {}};
}
Error no_lock_on_object() {
  return {404,
          "NoSuchObjectLockConfiguration",
          "The specified object does not have a ObjectLock configuration",
          {}};
}
Error invalid(const char* text) { return {400, "InvalidArgument", text, {}}; }

// <Retention>: both members, or none to take the retention away.
Result<Retention> parse_retention(const std::string& text) {
  TRY(const auto document, parse_xml(text));
  const auto root = document->child("Retention");
  if (!root) return malformed_xml();
  const std::string mode = root.child_value("Mode"), date = root.child_value("RetainUntilDate");
  if (mode.empty() && date.empty()) return Retention{};
  const auto until = parse_iso(date);
  if (!is_mode(mode) || !until) return malformed_xml();
  return Retention{mode, *until};
}
// What takes protection away: another mode, an earlier date, no retention.
bool weakens(const Retention& now_set, const Retention& wanted) {
  return !now_set.mode.empty() && (wanted.mode != now_set.mode || wanted.until < now_set.until);
}

policy::Context lock_context(const std::string& mode, std::optional<Time> until) {
  policy::Context context;
  if (!mode.empty()) context["s3:object-lock-mode"] = {mode};
  if (!until) return context;
  context["s3:object-lock-retain-until-date"] = {iso_seconds(*until)};
  context["s3:object-lock-remaining-retention-days"] = {std::to_string((*until - now()) / kDayMs)};
  return context;
}

// The version a lock is put on or read from, with its sort.
struct Found {
  std::string sort;
  Version version;
};
Result<Found> find_locked(const LockIn& in, Staged& staged) {
  TRY(const json::object bucket, tracked_bucket(staged, in.bucket));
  if (!bucket.contains("ObjectLock")) return no_lock_on_bucket();
  CHECK(find_version(staged.snapshot(), in));
  Found found;
  found.sort = sort_of(staged.snapshot(), in.bucket, in.key, in.version_id).value();
  found.version = version_at(staged, in.bucket, in.key, found.sort).value();
  return found;
}
Result<json::object> find_facts(const LockIn& in, const Snapshot& snapshot) {
  TRY(const json::object bucket, find_bucket(snapshot, in.bucket));
  if (!bucket.contains("ObjectLock")) return no_lock_on_bucket();
  TRY(Version version, find_version(snapshot, in));
  return std::move(version.facts);
}
}  // namespace

Result<Done> removable(const json::object& facts, bool bypass) {
  if (text_of(facts, "LegalHold") == "ON") return is_protected();
  const Retention set = retention_of(facts);
  if (set.mode.empty() || set.until <= now()) return Done{};
  if (set.mode == "GOVERNANCE" && bypass) return Done{};
  return is_protected();
}

Result<Done> check_lock_headers(const ObjectIn& in, Time time) {
  const std::string mode = in.header(kMode), date = in.header(kUntil), hold = in.header(kHold);
  if (mode.empty() != date.empty())
    return invalid(
        "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied");
  if (!mode.empty() && !is_mode(mode)) return invalid("Unknown wormMode directive.");
  const auto until = parse_iso(date);
  if (!date.empty() && !until)
    return invalid("The retain until date must be provided in ISO 8601 format");
  if (until && *until <= time) return invalid("The retain until date must be in the future!");
  if (!hold.empty() && hold != "ON" && hold != "OFF")
    return invalid("Legal Hold must be either of 'ON' or 'OFF'");
  return Done{};
}
void add_lock_needs(std::vector<Need>& needs, const ObjectIn& in, const Snapshot& snapshot) {
  const auto add = [&](std::string_view action, policy::Context context) {
    needs[0].context.insert(context.begin(), context.end());  // s3:PutObject knows them too
    needs.push_back(object_need(action, in.bucket, in.key, snapshot, std::move(context)));
  };
  if (!in.header(kMode).empty() || !in.header(kUntil).empty())
    add("s3:PutObjectRetention", lock_context(in.header(kMode), parse_iso(in.header(kUntil))));
  if (const std::string hold = in.header(kHold); !hold.empty())
    add("s3:PutObjectLegalHold", {{"s3:object-lock-legal-hold", {hold}}});
}
Result<Done> lock_new_version(const ObjectIn& in, const json::object& bucket, Time time,
                              json::object& facts) {
  CHECK(check_lock_headers(in, time));
  const std::string mode = in.header(kMode), hold = in.header(kHold);
  const json::value* configured = bucket.if_contains("ObjectLock");
  if (!configured)
    return mode.empty() && hold.empty() ? Result<Done>(Done{}) : Result<Done>(no_lock_on_bucket());
  if (!hold.empty()) facts["LegalHold"] = hold;
  if (!mode.empty()) {
    facts["LockMode"] = mode;
    facts["LockUntil"] = parse_iso(in.header(kUntil)).value();
    return Done{};
  }
  const json::object& by_default = configured->as_object();
  if (text_of(by_default, "Mode").empty()) return Done{};
  facts["LockMode"] = text_of(by_default, "Mode");
  facts["LockUntil"] =
      time + (int_of(by_default, "Days") + int_of(by_default, "Years") * 365) * kDayMs;
  return Done{};
}
void add_lock_headers(Headers& headers, const json::object& facts, bool retention, bool hold) {
  if (const Retention set = retention_of(facts); retention && !set.mode.empty()) {
    headers.add(std::string(kMode), set.mode);
    headers.add(std::string(kUntil), iso_millis(set.until));
  }
  if (const std::string status = text_of(facts, "LegalHold"); hold && !status.empty())
    headers.add(std::string(kHold), status);
}

Result<Text> PutObjectLockConfiguration::run(const Authorized<In>& in, Staged& staged) {
  TRY(json::object bucket, tracked_bucket(staged, in->bucket));
  TRY(const auto document, parse_xml(in->text));
  const auto root = document->child("ObjectLockConfiguration");
  if (std::string_view(root.child_value("ObjectLockEnabled")) != "Enabled") return malformed_xml();
  if (!versioned(bucket))
    return Error{409,
                 "InvalidBucketState",
                 "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
                 {}};
  json::object lock;
  if (const auto rule = root.child("Rule")) {
    const auto retention = rule.child("DefaultRetention");
    const std::string mode = retention.child_value("Mode"), days = retention.child_value("Days"),
                      years = retention.child_value("Years");
    if (!is_mode(mode) || days.empty() == years.empty()) return malformed_xml();
    const auto period = parse_int(days.empty() ? years : days);
    if (!period) return malformed_xml();
    if (*period < 1) return invalid("Default retention period must be a positive integer value.");
    if (*period > (days.empty() ? kRetentionYearsMax : kRetentionDaysMax))
      return invalid("Default retention period is too large.");
    lock = {{"Mode", mode}, {days.empty() ? "Years" : "Days", *period}};
  }
  bucket["ObjectLock"] = std::move(lock);
  staged.put_json(bucket_key(in->bucket), bucket);
  return Text{};
}
Result<Text> GetObjectLockConfiguration::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object bucket, find_bucket(snapshot, in->bucket));
  const json::value* lock = bucket.if_contains("ObjectLock");
  if (!lock)
    return Error{404,
                 "ObjectLockConfigurationNotFoundError",
                 "Object Lock configuration does not exist for this bucket",
                 {{"BucketName", in->bucket}}};
  XmlWriter xml;
  xml.open("ObjectLockConfiguration", kXmlns).element("ObjectLockEnabled", "Enabled");
  if (const std::string mode = text_of(lock->as_object(), "Mode"); !mode.empty()) {
    const char* unit = lock->as_object().contains("Days") ? "Days" : "Years";
    xml.open("Rule")
        .open("DefaultRetention")
        .element("Mode", mode)
        .element(unit, std::to_string(int_of(lock->as_object(), unit)))
        .close("DefaultRetention")
        .close("Rule");
  }
  xml.close("ObjectLockConfiguration");
  return xml_text(xml);
}

Result<std::vector<Need>> PutObjectRetention::needs(const In& in, const Snapshot& s) {
  TRY(std::vector<Need> needs, version_needs(action, action, in, s));
  const auto wanted = parse_retention(in.text);
  if (!wanted) return needs;  // run refuses it
  for (auto& [key, values] : lock_context(
           wanted->mode, wanted->mode.empty() ? std::nullopt : std::optional(wanted->until)))
    needs[0].context[key] = values;
  return needs;
}
Result<Text> PutObjectRetention::run(const Authorized<In>& in, Staged& staged) {
  TRY(Found found, find_locked(*in, staged));
  TRY(const Retention wanted, parse_retention(in->text));
  if (!wanted.mode.empty() && wanted.until <= in.time())
    return invalid("The retain until date must be in the future!");
  json::object& facts = found.version.facts;
  const Retention set = retention_of(facts);
  const bool in_force = !set.mode.empty() && set.until > now();
  const bool bypass =
      set.mode == "GOVERNANCE" && may_bypass(in, equals_ignore_case(in->header(kBypass), "true"),
                                             in->bucket, in->key, staged.snapshot());
  if (in_force && weakens(set, wanted) && !bypass) return is_protected();
  if (wanted.mode.empty()) {
    facts.erase("LockMode");
    facts.erase("LockUntil");
  } else {
    facts["LockMode"] = wanted.mode;
    facts["LockUntil"] = wanted.until;
  }
  staged.put(version_key(in->bucket, in->key, found.sort), found.version.pack());
  return Text{};
}
Result<Text> GetObjectRetention::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object facts, find_facts(*in, snapshot));
  const Retention set = retention_of(facts);
  if (set.mode.empty()) return no_lock_on_object();
  XmlWriter xml;
  xml.open("Retention", kXmlns)
      .element("Mode", set.mode)
      .element("RetainUntilDate", iso_millis(set.until))
      .close("Retention");
  return xml_text(xml);
}
namespace {
Result<std::string> parse_hold(const std::string& text) {
  TRY(const auto document, parse_xml(text));
  return std::string(document->child("LegalHold").child_value("Status"));
}
}  // namespace
Result<std::vector<Need>> PutObjectLegalHold::needs(const In& in, const Snapshot& s) {
  TRY(std::vector<Need> needs, version_needs(action, action, in, s));
  if (const auto hold = parse_hold(in.text); hold && !hold->empty())
    needs[0].context["s3:object-lock-legal-hold"] = {*hold};
  return needs;
}
Result<Text> PutObjectLegalHold::run(const Authorized<In>& in, Staged& staged) {
  TRY(Found found, find_locked(*in, staged));
  TRY(const std::string status, parse_hold(in->text));
  if (status != "ON" && status != "OFF") return malformed_xml();
  found.version.facts["LegalHold"] = status;
  staged.put(version_key(in->bucket, in->key, found.sort), found.version.pack());
  return Text{};
}
Result<Text> GetObjectLegalHold::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const json::object facts, find_facts(*in, snapshot));
  const std::string status = text_of(facts, "LegalHold");
  if (status.empty()) return no_lock_on_object();
  XmlWriter xml;
  xml.open("LegalHold", kXmlns).element("Status", status).close("LegalHold");
  return xml_text(xml);
}

}  // namespace sluice::s3
