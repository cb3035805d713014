// SPDX-License-Identifier: Apache-2.0
#include "request/principals.h"

namespace sluice {
namespace {
using Change = std::function<Result<std::string>(std::string_view type, std::string name)>;

Result<Done> change_names(json::object& principals, const Change& change, bool& changed) {
  for (auto& [type, names] : principals) {
    const auto one = [&](json::value& value) -> Result<Done> {
      if (!value.is_string()) return Done{};
      const std::string before(value.get_string());
      TRY(const std::string after, change(type, before));
      if (after == before) return Done{};
      changed = true;
      value = after;
      return Done{};
    };
    if (!names.is_array()) {
      CHECK(one(names));
      continue;
    }
    for (json::value& name : names.get_array()) CHECK(one(name));
  }
  return Done{};
}

// Applies `change` to every name in a Principal or NotPrincipal. When nothing changes, the text
// stays as it was written.
Result<std::string> change_principals(const std::string& text, const Change& change) {
  TRY(json::object document, parse_json_object(text));
  json::value* statements = document.if_contains("Statement");
  bool changed = false;
  const auto visit = [&](json::value& statement) -> Result<Done> {
    if (!statement.is_object()) return Done{};
    for (const char* element : {"Principal", "NotPrincipal"})
      if (json::value* principals = statement.get_object().if_contains(element);
          principals && principals->is_object())
        CHECK(change_names(principals->get_object(), change, changed));
    return Done{};
  };
  if (statements && statements->is_array())
    for (json::value& one : statements->get_array()) CHECK(visit(one));
  else if (statements)
    CHECK(visit(*statements));
  return changed ? json::serialize(document) : text;
}

bool is_account(std::string_view text) {
  return text.size() == 12 && text.find_first_not_of("0123456789") == text.npos;
}
}  // namespace

Result<std::string> pin_principal(std::string_view type, std::string name,
                                  const Identities& identities, const Snapshot& snapshot) {
  const Error unknown{
      400,
      "MalformedPolicyDocument",
      "Invalid principal in policy: \"" + std::string(type) + "\":\"" + name.substr(0, 200) + "\"",
      {}};
  if (type == "Service")
    return name.ends_with(".amazonaws.com") ? Result<std::string>(std::move(name)) : unknown;
  if (type != "AWS" || name == "*" || is_account(name)) return name;
  const auto arn = parse_arn(name);
  if (!arn || arn->partition != "aws" || !arn->region.empty() || !is_account(arn->account_id))
    return unknown;
  if (arn->service == "iam" && arn->resource == "root") return name;
  if (arn->account_id != snapshot.scope().account_id) return unknown;
  if (arn->service == "iam" && arn->resource.starts_with("role/")) {
    const auto role = identities.role(arn->resource.substr(arn->resource.rfind('/') + 1), snapshot);
    return role && role->arn == name ? Result<std::string>(role->id) : unknown;
  }
  if (arn->service == "sts" && arn->resource.starts_with("assumed-role/")) {
    const std::string rest = arn->resource.substr(13);
    const size_t slash = rest.find('/');
    if (slash != rest.npos && slash + 1 < rest.size() &&
        identities.role(rest.substr(0, slash), snapshot))
      return name;
  }
  return unknown;
}
std::string show_principal(const std::string& name, const Identities& identities,
                           const Snapshot& snapshot) {
  const auto role = name.starts_with("AROA") ? identities.role_by_id(name, snapshot) : std::nullopt;
  return role ? role->arn : name;
}

Result<std::string> pin_principals(const std::string& text, const Identities& identities,
                                   const Snapshot& snapshot) {
  return change_principals(text, [&](std::string_view type, std::string name) {
    return pin_principal(type, std::move(name), identities, snapshot);
  });
}

std::string show_principals(const std::string& text, const Identities& identities,
                            const Snapshot& snapshot) {
  if (text.find("\"AROA") == text.npos) return text;
  auto shown = change_principals(
      text, [&](std::string_view type, const std::string& name) -> Result<std::string> {
        return type == "AWS" ? show_principal(name, identities, snapshot) : name;
      });
  return shown ? *std::move(shown) : text;
}

}  // namespace sluice
