// SPDX-License-Identifier: Apache-2.0
// The policy of a form upload: which fields the form may have, and until when. Source: S3 API
// Reference, "Creating a POST policy".
#include <set>

#include "base/bytes.h"
#include "base/json.h"
#include "request/form.h"

namespace sluice {
namespace {
Error invalid(std::string why) {
  return {400, "InvalidPolicyDocument", "Invalid Policy: " + std::move(why), {}};
}
Error denied(std::string why) {
  return {403, "AccessDenied", "Invalid according to Policy: " + std::move(why), {}};
}
Error failed(const json::value& condition) {
  return denied("Policy Condition failed: " + json::serialize(condition));
}

// These fields need no condition that names them.
bool is_free(std::string_view name) {
  return name == "policy" || name == "x-amz-signature" || name.starts_with("x-ignore-");
}

class Conditions {
 public:
  Conditions(FormUpload& form, const std::string& bucket) : form_(form), bucket_(bucket) {}

  Result<Done> hold(const json::array& conditions) {
    for (const json::value& condition : conditions) {
      if (condition.is_object()) {
        for (const auto& [name, value] : condition.as_object()) {
          if (!value.is_string()) return invalid("a condition's value must be a string.");
          CHECK(match("eq", lower(name), value.as_string(), condition));
        }
      } else if (condition.is_array() && condition.as_array().size() == 3) {
        CHECK(hold_triple(condition));
      } else {
        return invalid("a condition is an object or a list of three.");
      }
    }
    for (const auto& [name, value] : form_.fields.list)
      if (!is_free(name) && !named_.contains(name)) return denied("Extra input fields: " + name);
    return Done{};
  }

 private:
  Result<Done> hold_triple(const json::value& condition) {
    const json::array& parts = condition.as_array();
    if (!parts[0].is_string()) return invalid("a condition begins with its operator.");
    const std::string how = lower(parts[0].as_string());
    if (how == "content-length-range") return bound(parts);
    if ((how != "eq" && how != "starts-with") || !parts[1].is_string() || !parts[2].is_string() ||
        !parts[1].as_string().starts_with("$"))
      return invalid("a condition is [\"eq\" or \"starts-with\", \"$field\", \"value\"].");
    return match(how, lower(std::string_view(parts[1].as_string()).substr(1)), parts[2].as_string(),
                 condition);
  }
  Result<Done> bound(const json::array& parts) {
    uint64_t limits[2];
    for (size_t i = 0; i < 2; ++i) {
      const json::value& limit = parts[i + 1];
      const auto bytes = limit.is_string()  ? parse_int(limit.as_string())
                         : limit.is_int64() ? std::optional(limit.as_int64())
                                            : std::nullopt;
      if (!bytes || *bytes < 0) return invalid("content-length-range takes two sizes in bytes.");
      limits[i] = static_cast<uint64_t>(*bytes);
    }
    form_.file->allow(limits[0], limits[1]);
    return Done{};
  }
  Result<Done> match(std::string_view how, const std::string& name, std::string_view wanted,
                     const json::value& condition) {
    named_.insert(name);
    const std::string* field = form_.fields.find(name);
    if (!field && name != "bucket") return failed(condition);
    const std::string value = name == "bucket" ? bucket_ : name == "key" ? form_.key : *field;
    if (how == "eq" ? value == wanted : starts_with(name, value, wanted)) return Done{};
    return failed(condition);
  }
  // When there are several content types, each must begin so.
  static bool starts_with(std::string_view name, std::string_view value, std::string_view wanted) {
    if (name != "content-type") return value.starts_with(wanted);
    for (const auto one : split(value, ','))
      if (!trim(one).starts_with(wanted)) return false;
    return true;
  }

  FormUpload& form_;
  const std::string& bucket_;
  std::set<std::string> named_;
};
}  // namespace

Result<Done> check_form_policy(FormUpload& form, const std::string& bucket, Time now) {
  if (form.key.empty())
    return Error{400,
                 "InvalidArgument",
                 "Bucket POST must contain a field named 'key'.  If it is specified, please check "
                 "the order of the fields.",
                 {{"ArgumentName", "key"}, {"ArgumentValue", ""}}};
  const auto text = unbase64(form.fields.get("policy"));
  if (!text) return invalid("it is not base64.");
  const auto parsed = parse_json_strict(*text, 8);
  if (!parsed || !parsed->is_object()) return invalid("Invalid JSON.");
  const json::object& policy = parsed->as_object();
  const json::value* expiration = policy.if_contains("expiration");
  const auto ends =
      expiration && expiration->is_string() ? parse_iso(expiration->as_string()) : std::nullopt;
  if (!ends) return invalid("Policy missing expiration, or it is no ISO 8601 date.");
  if (*ends <= now) return denied("Policy expired.");
  const json::value* conditions = policy.if_contains("conditions");
  if (!conditions || !conditions->is_array()) return invalid("Policy missing conditions.");
  return Conditions(form, bucket).hold(conditions->as_array());
}

}  // namespace sluice
