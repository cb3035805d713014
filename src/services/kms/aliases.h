// SPDX-License-Identifier: Apache-2.0
#pragma once
// CreateAlias, UpdateAlias, DeleteAlias and ListAliases. A name is alias/ and 1 to 250 of
// [a-zA-Z0-9/_-], but not alias/aws/; a key may have 50. Each needs the permission on the alias,
// and on every key that it is about.
//
//   SLUICE_KMS_ALIAS(CreateAlias);
//   Result<JsonOut> CreateAlias::run(const Authorized<In>& in, Staged& staged) { ... }
#include "services/kms/operation.h"

namespace sluice::kms {

template <class Self>
struct OnAlias {
  struct In {
    std::string alias, key_id;
  };
  using Out = JsonOut;
  static Result<In> parse(const Request& request) {
    TRY(const KeyIn body, parse_key_in(request, false));
    In in{text_of(body.body, "AliasName"), text_of(body.body, "TargetKeyId")};
    if (!in.alias.starts_with("alias/") || in.alias.size() < 7 || in.alias.size() > 256 ||
        in.alias.find_first_not_of(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_-") !=
            std::string::npos)
      return invalid(
          "Alias must start with the prefix \"alias/\". Please see "
          "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html");
    if (in.alias.starts_with("alias/aws/"))
      return Error{
          400, "NotAuthorizedException", "The prefix alias/aws/ is reserved for AWS services", {}};
    return in;
  }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    std::vector<Need> out{
        {std::string(Self::action), make_arn(s.scope(), "kms", in.alias), {}, {}, ""}};
    if (!in.key_id.empty()) {
      TRY(const auto key, find_key(s, in.key_id));
      out.push_back(key_need(Self::action, *key, {}, s));
    }
    if (const auto old = s.get(alias_key(in.alias))) {
      TRY(const auto key, find_key(s, *old));
      out.push_back(key_need(Self::action, *key, {}, s));
    }
    return out;
  }
  static Response render(const Out& out) { return render_json(out); }
  static json::value audit(const Request& request) { return shown_body(request); }
  static json::value audit_result(const Out& out) { return audit_change(out); }
};
#define SLUICE_KMS_ALIAS(operation)                                                  \
  struct operation : OnAlias<operation> {                                            \
    static constexpr std::string_view name = #operation, action = "kms:" #operation; \
    static Result<Out> run(const Authorized<In>& in, Staged& staged);                \
  }
SLUICE_KMS_ALIAS(CreateAlias);
SLUICE_KMS_ALIAS(UpdateAlias);
SLUICE_KMS_ALIAS(DeleteAlias);
struct ListAliases : OnKey<ListAliases> {
  static constexpr std::string_view name = "ListAliases", action = "kms:ListAliases";
  static Result<In> parse(const Request& request) { return parse_key_in(request, false); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};

}  // namespace sluice::kms
