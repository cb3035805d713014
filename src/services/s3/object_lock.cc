// SPDX-License-Identifier: Apache-2.0
#include "services/s3/object_lock.h"

#include "base/bytes.h"

namespace sluice::s3 {
namespace {
constexpr int64_t kDayMs = 86'400'000;
constexpr std::string_view kMode = "x-amz-object-lock-mode",
                           kUntil = "x-amz-object-lock-retain-until-date",
                           kHold = "x-amz-object-lock-legal-hold";

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

// Reads <Retention>. It has both members, or none of them to remove the retention.
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
// Whether protection is taken away: by another mode, an earlier date, or no retention.
bool weakens(const Retention& now_set, const Retention& wanted) {
  return !now_set.lock_mode.empty() &&
         (wanted.lock_mode != now_set.lock_mode || wanted.lock_until < now_set.lock_until);
}

policy::Context lock_context(const std::string& mode, std::optional<Time> until) {
  policy::Context context;
  if (!mode.empty()) context["s3:object-lock-mode"] = {mode};
  if (!until) return context;
  context["s3:object-lock-retain-until-date"] = {iso_seconds(*until)};
  context["s3:object-lock-remaining-retention-days"] = {std::to_string((*until - now()) / kDayMs)};
  return context;
}

// The version whose lock is set or read, and its `sort`.
struct Found {
  std::string sort;
  Version version;
};
Result<Found> find_locked(const LockIn& in, Staged& staged) {
  TRY(const auto bucket, tracked_bucket(staged, in.bucket));
  if (!bucket->object_lock) return no_lock_on_bucket();
  CHECK(find_version(staged.snapshot(), in));
  Found found;
  found.sort = sort_of(staged.snapshot(), in.bucket, in.key, in.version_id).value();
  found.version = version_at(staged, in.bucket, in.key, found.sort).value();
  return found;
}
Result<Lock> find_lock(const LockIn& in, const Snapshot& snapshot) {
  TRY(const auto bucket, find_bucket(snapshot, in.bucket));
  if (!bucket->object_lock) return no_lock_on_bucket();
  TRY(const auto found, find_version(snapshot, in));
  return Lock(found->facts);
}
}  // namespace

Result<Done> removable(const Lock& lock, bool bypass) {
  if (lock.legal_hold == "ON") return is_protected();
  if (lock.lock_mode.empty() || lock.lock_until <= now()) return Done{};
  if (lock.lock_mode == "GOVERNANCE" && bypass) return Done{};
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
    needs[0].context.add(context);  // s3:PutObject has these condition keys too
    needs.push_back(object_need(action, in.bucket, in.key, snapshot, std::move(context)));
  };
  if (!in.header(kMode).empty() || !in.header(kUntil).empty())
    add("s3:PutObjectRetention", lock_context(in.header(kMode), parse_iso(in.header(kUntil))));
  if (const std::string hold = in.header(kHold); !hold.empty())
    add("s3:PutObjectLegalHold", {{"s3:object-lock-legal-hold", {hold}}});
}
Result<Done> lock_new_version(const ObjectIn& in, const Bucket& bucket, Time time, Lock& lock) {
  CHECK(check_lock_headers(in, time));
  const std::string mode = in.header(kMode), hold = in.header(kHold);
  if (!bucket.object_lock)
    return mode.empty() && hold.empty() ? Result<Done>(Done{}) : Result<Done>(no_lock_on_bucket());
  if (!hold.empty()) lock.legal_hold = hold;
  if (!mode.empty()) {
    lock.lock_mode = mode;
    lock.lock_until = parse_iso(in.header(kUntil)).value();
    return Done{};
  }
  const DefaultRetention& by_default = *bucket.object_lock;
  if (by_default.mode.empty()) return Done{};
  lock.lock_mode = by_default.mode;
  lock.lock_until = time + (by_default.days + by_default.years * 365) * kDayMs;
  return Done{};
}
void add_lock_headers(Headers& headers, const Lock& lock, bool retention, bool hold) {
  if (retention && !lock.lock_mode.empty()) {
    headers.add(std::string(kMode), lock.lock_mode);
    headers.add(std::string(kUntil), iso_millis(lock.lock_until));
  }
  if (hold && !lock.legal_hold.empty()) headers.add(std::string(kHold), lock.legal_hold);
}

Result<Text> PutObjectLockConfiguration::run(const Authorized<In>& in, Staged& staged) {
  TRY(Bucket bucket, bucket_to_change(staged, in->bucket));
  TRY(const auto document, parse_xml(in->text));
  const auto root = document->child("ObjectLockConfiguration");
  if (std::string_view(root.child_value("ObjectLockEnabled")) != "Enabled") return malformed_xml();
  if (!versioned(bucket))
    return Error{409,
                 "InvalidBucketState",
                 "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
                 {}};
  DefaultRetention by_default;
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
    by_default.mode = mode;
    (days.empty() ? by_default.years : by_default.days) = *period;
  }
  bucket.object_lock = std::move(by_default);
  staged.put(bucket_key(in->bucket), bucket);
  return Text{};
}
Result<Text> GetObjectLockConfiguration::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto bucket, find_bucket(snapshot, in->bucket));
  if (!bucket->object_lock)
    return Error{404,
                 "ObjectLockConfigurationNotFoundError",
                 "Object Lock configuration does not exist for this bucket",
                 {{"BucketName", in->bucket}}};
  XmlWriter xml;
  xml.open("ObjectLockConfiguration", kXmlns).element("ObjectLockEnabled", "Enabled");
  if (const DefaultRetention& by_default = *bucket->object_lock; !by_default.mode.empty()) {
    xml.open("Rule").open("DefaultRetention").element("Mode", by_default.mode);
    if (by_default.days)
      xml.element("Days", std::to_string(by_default.days));
    else
      xml.element("Years", std::to_string(by_default.years));
    xml.close("DefaultRetention").close("Rule");
  }
  xml.close("ObjectLockConfiguration");
  return xml_text(xml);
}

Result<std::vector<Need>> PutObjectRetention::needs(const In& in, const Snapshot& s) {
  TRY(std::vector<Need> needs, version_needs(action, action, in, s));
  const auto wanted = parse_retention(in.text);
  if (!wanted) return needs;  // run() will refuse it
  needs[0].context.add(lock_context(wanted->lock_mode, wanted->lock_mode.empty()
                                                           ? std::nullopt
                                                           : std::optional(wanted->lock_until)));
  return needs;
}
Result<Text> PutObjectRetention::run(const Authorized<In>& in, Staged& staged) {
  TRY(Found found, find_locked(*in, staged));
  TRY(const Retention wanted, parse_retention(in->text));
  if (!wanted.lock_mode.empty() && wanted.lock_until <= in.time())
    return invalid("The retain until date must be in the future!");
  Retention& set = found.version.facts;
  const bool in_force = !set.lock_mode.empty() && set.lock_until > now();
  const bool bypass = set.lock_mode == "GOVERNANCE" &&
                      may_bypass(in, equals_ignore_case(in->header(kBypass), "true"), in->bucket,
                                 in->key, staged.snapshot());
  if (in_force && weakens(set, wanted) && !bypass) return is_protected();
  set = wanted;
  staged.put(version_key(in->bucket, in->key, found.sort), found.version.pack());
  return Text{};
}
Result<Text> GetObjectRetention::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const Lock lock, find_lock(*in, snapshot));
  if (lock.lock_mode.empty()) return no_lock_on_object();
  XmlWriter xml;
  xml.open("Retention", kXmlns)
      .element("Mode", lock.lock_mode)
      .element("RetainUntilDate", iso_millis(lock.lock_until))
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
  found.version.facts.legal_hold = status;
  staged.put(version_key(in->bucket, in->key, found.sort), found.version.pack());
  return Text{};
}
Result<Text> GetObjectLegalHold::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const Lock lock, find_lock(*in, snapshot));
  if (lock.legal_hold.empty()) return no_lock_on_object();
  XmlWriter xml;
  xml.open("LegalHold", kXmlns).element("Status", lock.legal_hold).close("LegalHold");
  return xml_text(xml);
}

}  // namespace sluice::s3
