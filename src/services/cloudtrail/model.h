// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the operations on trails share.
//
//   struct GetTrail : OnTrail<GetTrail> {
//     static constexpr std::string_view name = "GetTrail", action = "cloudtrail:GetTrail",
//                                       member = "Name";
//     static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
//   };
#include "services/cloudtrail/cloudtrail.h"
#include "services/cloudtrail/records.h"

namespace sluice::cloudtrail {

constexpr std::string_view kPrincipal = "cloudtrail.amazonaws.com";

std::string trail_arn(const Scope& scope, std::string_view name);
// "[prefix/]AWSLogs/<account>/"
std::string logs_prefix(const Trail& trail, const Scope& scope);
// The name of a trail; every operation takes its ARN too. Errors: InvalidTrailNameException,
// CloudTrailARNInvalidException.
Result<std::string> name_of(const std::string& name_or_arn);
// A request that the server makes itself in the name of a trail.
Request own_request(std::string_view method, const std::string& target, Time time);
// Whether the destination takes what this trail will write: the bucket, its policy, the key, the
// role. The error is AWS's for what is missing.
Result<Done> check_destination(const Trail& trail, const Ports& ports, const Snapshot& snapshot,
                               Time time);

inline Response render_json(const json::object& body) {
  return {200, {}, json::serialize(body), nullptr, 0};
}
inline double seconds(Time time) { return static_cast<double>(time) / 1000; }

// An operation on one trail. The member of the body that names the trail is Self::member.
struct OnTrailIn {
  std::string name, arn;  // `arn` is "" when the request gave a name
  json::object body;
};
Result<Trail> find_trail(const Snapshot& snapshot, const OnTrailIn& in);
// The same for a trail that will be changed.
Result<Trail> find_trail(Staged& staged, const OnTrailIn& in);
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
