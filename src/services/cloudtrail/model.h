// SPDX-License-Identifier: Apache-2.0
#pragma once
// How trails are stored, and what their operations share. docs/on-disk.md
//   meta cloudtrail.trail   (name)        settings in AWS's names, "Tags", selectors, "Logging",
//   "Started", "Stopped", "Session" meta cloudtrail.session (name, id)    one span of logging, from
//   a StartLogging to a StopLogging: how far it is delivered meta cloudtrail.status  (name) what
//   GetTrailStatus tells of deliveries meta cloudtrail.guard   (bucket)      [{"Trail", "Prefix"}]:
//   below which prefix only that trail writes
#include "base/bytes.h"
#include "services/cloudtrail/cloudtrail.h"

namespace sluice::cloudtrail {

constexpr std::string_view kPrincipal = "cloudtrail.amazonaws.com";

inline Key trail_key(std::string_view name) {
  return schema::key(Family::meta, "cloudtrail.trail", {name});
}
inline Key session_key(std::string_view name, std::string_view id) {
  return schema::key(Family::meta, "cloudtrail.session", {name, id});
}
inline Key status_key(std::string_view name) {
  return schema::key(Family::meta, "cloudtrail.status", {name});
}
inline Key guard_key(std::string_view bucket) {
  return schema::key(Family::meta, "cloudtrail.guard", {bucket});
}

std::string trail_arn(const Scope& scope, std::string_view name);
std::string logs_prefix(const json::object& trail,
                        const Scope& scope);  // "[prefix/]AWSLogs/<account>/"
// A trail by its name or ARN, as every operation takes it -> its name. InvalidTrailNameException,
// CloudTrailARNInvalidException.
Result<std::string> name_of(const std::string& name_or_arn);
// The server's own call in the name of a trail.
Request own_request(std::string_view method, const std::string& target, Time time);
// Does the destination take what this trail will write: bucket, its policy, key, role? AWS's error
// for what is missing.
Result<Done> check_destination(const json::object& trail, const Ports& ports,
                               const Snapshot& snapshot, Time time);

inline Response render_json(const json::object& body) {
  return {200, {}, json::serialize(body), nullptr, 0};
}
inline double seconds(Time time) { return static_cast<double>(time) / 1000; }

// An operation on one trail; `member` of the body names it.
struct OnTrailIn {
  std::string name, arn;
  json::object body;
};  // arn: as sent, "" when a name was
template <class Source>
Result<json::object> find_trail(Source& source, const Scope& scope, const OnTrailIn& in) {
  const std::string arn = trail_arn(scope, in.name);
  auto found = in.arn.empty() || in.arn == arn
                   ? source.get_json(trail_key(in.name))
                   : std::nullopt;  // an ARN of elsewhere names no trail of ours
  if (!found)
    return Error{
        400,
        "TrailNotFoundException",
        "Unknown trail: " + (in.arn.empty() ? arn : in.arn) + " for the user: " + scope.account_id,
        {}};
  return *std::move(found);
}
Result<OnTrailIn> parse_on_trail(const Request& request, std::string_view member);
template <class Self>
struct OnTrail {
  using In = OnTrailIn;
  using Out = json::object;
  static Result<In> parse(const Request& request) { return parse_on_trail(request, Self::member); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{
        {std::string(Self::action), trail_arn(s.scope(), in.name), {}, {}, ""}};
  }
  static Response render(const Out& out) { return render_json(out); }
  static json::value audit(const In& in) { return camel_case(in.body); }
};
// An operation on the account.
template <class Self>
struct OnAccount {
  using In = json::object;
  using Out = json::object;
  static Result<In> parse(const Request& request) { return parse_json_object(request.body); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(Self::action), "*", {}, {}, ""}};
  }
  static Response render(const Out& out) { return render_json(out); }
  static json::value audit(const In& in) { return in.empty() ? json::value() : camel_case(in); }
};

}  // namespace sluice::cloudtrail
