// SPDX-License-Identifier: Apache-2.0
#pragma once
// The condition keys that every request has, whatever it asks for. A key is worked out when a
// policy asks for it, and then kept; the table in request_keys.cc says which comes from what.
// Source: IAM User Guide, "AWS global condition context keys"; Service Authorization Reference,
// Amazon S3.
//
//   const RequestKeys request_keys(request, caller, scope, rules ? &rules->role.tags : nullptr);
//   const NeedKeys keys(need.context, request_keys);
#include <array>
#include <map>

#include "request/operation.h"

namespace sluice {

// First come the keys of the request, then those of the caller's session, then the tags of his
// role.
class RequestKeys : public policy::Keys {
 public:
  using Tags = std::map<std::string, std::string>;
  RequestKeys(const Request& request, const Caller& caller, const Scope& scope,
              const Tags* role_tags);  // nullptr: he has no role
  std::optional<std::span<const std::string>> values(std::string_view key) const override;

  static constexpr size_t kRoom = 16;  // for the keys of the table

 private:
  struct Kept {
    bool known = false;
    std::optional<std::string> value;
  };
  const Request& request_;
  const Caller& caller_;
  const Scope& scope_;
  const Tags* role_tags_;
  mutable std::array<Kept, kRoom> kept_;
};

// The keys of one need: its own, which come before those of its request.
class NeedKeys : public policy::Keys {
 public:
  NeedKeys(const policy::Context& own, const RequestKeys& of_request)
      : own_(own), of_request_(of_request) {}
  std::optional<std::span<const std::string>> values(std::string_view key) const override {
    const auto found = own_.values(key);
    return found ? found : of_request_.values(key);
  }

 private:
  const policy::Context& own_;
  const RequestKeys& of_request_;
};

}  // namespace sluice
