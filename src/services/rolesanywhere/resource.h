// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the operations on trust anchors, profiles and revocation lists share: each of these is a
// resource with an id, a name and a switch, and has the same calls.
//
//   struct EnableProfile : Switch<EnableProfile, Profile, true> {
//     static constexpr std::string_view name = "EnableProfile", action =
//     "rolesanywhere:EnableProfile"; static constexpr Match match{"POST",
//     "/profile/{profileId}/enable", "", ""};
//   };
#include "base/json.h"
#include "request/audit.h"
#include "request/ports.h"
#include "services/rolesanywhere/records.h"

namespace sluice::rolesanywhere {

constexpr size_t kResourcesMax = 100;  // of each kind in the account
constexpr int64_t kPageMax = 100;
constexpr size_t kNameMax = 255;

// How a kind of resource is called: in ARNs, in paths, in answers, in audit records.
struct Words {
  std::string_view arn, id, one, many, type;
};
template <class R>
constexpr Words kWords{};
template <>
inline constexpr Words kWords<TrustAnchor>{"trust-anchor/", "trustAnchorId", "trustAnchor",
                                           "trustAnchors", "AWS::RolesAnywhere::TrustAnchor"};
template <>
inline constexpr Words kWords<Profile>{"profile/", "profileId", "profile", "profiles",
                                       "AWS::RolesAnywhere::Profile"};
template <>
inline constexpr Words kWords<Crl>{"crl/", "crlId", "crl", "crls", "AWS::RolesAnywhere::CRL"};

json::object shown(const TrustAnchor& anchor, const Scope& scope);
json::object shown(const Profile& profile, const Scope& scope);
json::object shown(const Crl& crl, const Scope& scope);

Error invalid(std::string text);
Result<json::object> body_of(const Request& request);
bool is_id(std::string_view text);
// Of an ARN of that kind here; "" when it is none.
std::string id_in(std::string_view arn, std::string_view kind, const Scope& scope);
// 1 to 255 letters, digits, blanks, hyphens and underlines.
Result<std::string> name_of(const Fields& fields);
// The body of the request, and the id of its path.
json::value shown_request(const Request& request, std::string_view id_name);
// Times as CloudTrail writes them.
json::value shown_result(const json::object& body);

template <class R>
std::string arn_of(const Scope& scope, std::string_view id) {
  return make_arn(scope, "rolesanywhere", std::string(kWords<R>.arn) + std::string(id));
}
template <class R>
Error not_found() {
  return {404,
          "ResourceNotFoundException",
          "The " + std::string(kWords<R>.one) + " was not found.",
          {}};
}

struct Shown {
  int status = 200;
  json::object body;
};
struct ById {
  std::string id;
};

template <class Self, class R>
struct OnOne {
  using In = ById;
  using Out = Shown;
  static Result<In> parse(const Request& request) {
    const std::string id = request.param(kWords<R>.id);
    if (!is_id(id)) return invalid("The id of the " + std::string(kWords<R>.one) + " is a UUID.");
    return In{id};
  }
  template <class Given>
  static Result<std::vector<Need>> needs(const Given& in, const Snapshot& s) {
    return std::vector<Need>{{std::string(Self::action),
                              arn_of<R>(s.scope(), in.id),
                              {},
                              {},
                              std::string(kWords<R>.type)}};
  }
  static Response render(const Out& out) {
    return {out.status, {}, json::serialize(out.body), nullptr, 0};
  }
  static json::value audit(const Request& request) { return shown_request(request, kWords<R>.id); }
  static json::value audit_result(const Out& out) { return shown_result(out.body); }

 protected:
  static Shown answer(const R& resource, const Scope& scope, int status = 200) {
    return {status, json::object{{kWords<R>.one, shown(resource, scope)}}};
  }
};

template <class Self, class R>
struct GetOne : OnOne<Self, R> {
  static Result<Shown> run(const Authorized<ById>& in, const Snapshot& snapshot) {
    const auto found = snapshot.get(key_of<R>(in->id));
    if (!found) return not_found<R>();
    return GetOne::answer(*found, snapshot.scope());
  }
};
template <class Self, class R>
struct DeleteOne : OnOne<Self, R> {
  static Result<Shown> run(const Authorized<ById>& in, Staged& staged) {
    const auto found = staged.get(key_of<R>(in->id));
    if (!found) return not_found<R>();
    staged.erase(key_of<R>(in->id));
    return DeleteOne::answer(*found, staged.snapshot().scope());
  }
};
template <class Self, class R, bool kOn>
struct Switch : OnOne<Self, R> {
  static Result<Shown> run(const Authorized<ById>& in, Staged& staged) {
    auto found = staged.get(key_of<R>(in->id));
    if (!found) return not_found<R>();
    found->enabled = kOn;
    found->updated = in.time();
    staged.put(key_of<R>(in->id), *found);
    return Switch::answer(*found, staged.snapshot().scope());
  }
};

struct Page {
  std::string after;
  int64_t size = kPageMax;
};
Result<Page> page_of(const Request& request);
template <class Self, class R>
struct ListAll {
  using In = Page;
  using Out = Shown;
  static Result<In> parse(const Request& request) { return page_of(request); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(Self::action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot) {
    json::array list;
    std::string last, next;
    snapshot.scan(RecordPrefix<R>{}, in->after.empty() ? "" : key_of<R>(in->after).bytes, false,
                  [&](std::string_view, const R& one) {
                    if (one.id == in->after) return true;
                    if (static_cast<int64_t>(list.size()) == in->size) {
                      next = last;
                      return false;
                    }
                    list.push_back(shown(one, snapshot.scope()));
                    last = one.id;
                    return true;
                  });
    Shown out{200, json::object{{kWords<R>.many, std::move(list)}}};
    if (!next.empty()) out.body["nextToken"] = next;
    return out;
  }
  static Response render(const Out& out) {
    return {200, {}, json::serialize(out.body), nullptr, 0};
  }
};

// Errors: ValidationException when there are as many of this kind as there may be.
template <class R>
Result<Done> check_room(const Snapshot& snapshot) {
  size_t count = 0;
  snapshot.scan(RecordPrefix<R>{}, "", false, [&](std::string_view, const R&) {
    ++count;
    return true;
  });
  if (count < kResourcesMax) return Done{};
  return invalid("The account has " + std::to_string(kResourcesMax) + " " +
                 std::string(kWords<R>.many) + ", and can have no more.");
}

}  // namespace sluice::rolesanywhere
