// SPDX-License-Identifier: Apache-2.0
#include "services/cloudformation/resolve.h"

#include "base/bytes.h"
#include "services/cloudformation/cloudformation.h"

namespace sluice::cloudformation {
namespace {
constexpr char kNameLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:";

// Calls literal(text) and variable(name) in order.
Result<Done> each_part(std::string_view text,
                       const std::function<Result<Done>(std::string_view)>& literal,
                       const std::function<Result<Done>(const std::string&)>& variable) {
  while (!text.empty()) {
    const size_t open = text.find("${");
    CHECK(literal(text.substr(0, open)));
    if (open == text.npos) break;
    const size_t close = text.find('}', open);
    if (close == text.npos) return literal(text.substr(open));
    const std::string_view inside = text.substr(open + 2, close - open - 2);
    if (inside.starts_with('!')) {
      CHECK(literal("${" + std::string(inside.substr(1)) + "}"));
    } else {
      const std::string_view name = trim(inside);
      if (name.empty() || name.find_first_not_of(kNameLetters) != name.npos)
        return validation(
            "Template error: variable names in Fn::Sub syntax must contain only alphanumeric "
            "characters, underscores, periods, and colons");
      CHECK(variable(std::string(name)));
    }
    text.remove_prefix(close + 1);
  }
  return Done{};
}
}  // namespace

Result<std::vector<std::string>> sub_variables(std::string_view text) {
  std::vector<std::string> names;
  CHECK(each_part(
      text, [](std::string_view) -> Result<Done> { return Done{}; },
      [&](const std::string& name) -> Result<Done> {
        names.push_back(name);
        return Done{};
      }));
  return names;
}

Result<Done> Values::count(size_t bytes) {
  bytes_ += bytes;
  if (bytes_ > kResolvedBytesMax)
    return validation("Template error: the values of the template's functions are larger than " +
                      std::to_string(kResolvedBytesMax) + " bytes.");
  return Done{};
}

Result<json::value> Values::ref(const std::string& name) {
  if (const auto found = parameters_.find(name); found != parameters_.end()) {
    for (const Parameter& p : template_.parameters) {
      if (p.name != name) continue;
      if (masked_ && p.no_echo) return json::value("****");
      CHECK(count(found->second.size()));
      if (p.type == "String" || p.type == "Number") return json::value(json::string(found->second));
      json::array parts;
      for (const auto part : split(found->second, ','))
        parts.emplace_back(json::string(trim(part)));
      return json::value(std::move(parts));
    }
  }
  if (name == "AWS::AccountId") return json::value(json::string(scope_.account_id));
  if (name == "AWS::Region") return json::value(json::string(scope_.region));
  if (name == "AWS::Partition") return json::value("aws");
  if (name == "AWS::URLSuffix") return json::value("amazonaws.com");
  if (name == "AWS::StackName") return json::value(json::string(stack_name_));
  if (name == "AWS::StackId") return json::value(json::string(stack_id_));
  if (name == "AWS::NotificationARNs") return json::value(json::array{});
  const auto resource = resources_.find(name);
  if (resource == resources_.end())
    return validation("Template error: " + name + " does not exist in this stack.");
  CHECK(count(resource->second.physical.size()));
  return json::value(json::string(resource->second.physical));
}
Result<std::string> Values::attribute(const std::string& resource, const std::string& name) {
  const auto found = resources_.find(resource);
  if (found == resources_.end())
    return validation("Template error: " + resource + " does not exist in this stack.");
  if (!found->second.attributes.contains(name))
    return validation("Template error: resource " + resource + " does not support attribute type " +
                      name + " in Fn::GetAtt");
  std::string text = text_of(found->second.attributes, name);
  CHECK(count(text.size()));
  return text;
}

Result<std::string> Values::text(const json::value& value) {
  TRY(const auto resolved, resolve(value));
  if (!resolved) return std::string();
  if (resolved->is_string()) return std::string(resolved->get_string());
  if (resolved->is_int64()) return std::to_string(resolved->get_int64());
  if (resolved->is_bool()) return std::string(resolved->get_bool() ? "true" : "false");
  return validation("Template error: a string was expected, not a list or an object.");
}
Result<json::array> Values::list(const json::value& value) {
  TRY(const auto resolved, resolve(value));
  if (!resolved || !resolved->is_array()) return validation("Template error: a list was expected.");
  return resolved->get_array();
}

Result<std::string> Values::sub(const json::value& argument) {
  const json::value& pattern = argument.is_array() ? argument.get_array()[0] : argument;
  std::string out;
  CHECK(each_part(
      std::string_view(pattern.get_string()),
      [&](std::string_view literal) -> Result<Done> {
        out += literal;
        return count(literal.size());
      },
      [&](const std::string& name) -> Result<Done> {
        if (argument.is_array())
          if (const json::value* own = argument.get_array()[1].get_object().if_contains(name)) {
            TRY(const std::string one, text(*own));
            out += one;
            return Done{};
          }
        const size_t dot = name.find('.');
        if (dot != std::string::npos) {
          TRY(const std::string one, attribute(name.substr(0, dot), name.substr(dot + 1)));
          out += one;
          return Done{};
        }
        TRY(const json::value one, ref(name));
        if (!one.is_string())
          return validation("Template error: " + name + " in Fn::Sub is a list.");
        out += std::string_view(one.get_string());
        return Done{};
      }));
  return out;
}

Result<bool> Values::condition(const std::string& name) {
  if (name.empty()) return true;
  if (const auto known = conditions_.find(name); known != conditions_.end()) return known->second;
  const auto found = template_.conditions.find(name);
  if (found == template_.conditions.end() || !open_conditions_.insert(name).second)
    return validation("Template error: the condition " + name + " refers to itself.");
  TRY(const bool value, truth(found->second));
  open_conditions_.erase(name);
  conditions_[name] = value;
  return value;
}
Result<bool> Values::truth(const json::value& value) {
  if (!value.is_object() || value.get_object().size() != 1)
    return validation("Template error: a condition function was expected.");
  const std::string name(value.get_object().begin()->key());
  const json::value& argument = value.get_object().begin()->value();
  if (name == "Condition" && argument.is_string())
    return condition(std::string(argument.get_string()));
  if (!argument.is_array())
    return validation("Template error: " + name + " is not a condition function.");
  const json::array& list = argument.get_array();
  if (name == "Fn::Equals") {
    TRY(const std::string a, text(list[0]));
    TRY(const std::string b, text(list[1]));
    return a == b;
  }
  if (name == "Fn::Not") {
    TRY(const bool one, truth(list[0]));
    return !one;
  }
  if (name != "Fn::And" && name != "Fn::Or")
    return validation("Template error: " + name + " is not a condition function.");
  for (const json::value& one : list) {
    TRY(const bool is, truth(one));
    if (is == (name == "Fn::Or")) return is;
  }
  return name == "Fn::And";
}

Result<std::optional<json::value>> Values::call(const std::string& name,
                                                const json::value& argument) {
  using Value = std::optional<json::value>;
  if (name == "Ref") {
    if (argument == "AWS::NoValue") return Value{};
    TRY(json::value v, ref(std::string(argument.get_string())));
    return Value(std::move(v));
  }
  if (name == "Fn::GetAtt") {
    const std::string whole = argument.is_string()
                                  ? std::string(argument.get_string())
                                  : std::string(argument.get_array()[0].get_string()) + "." +
                                        std::string(argument.get_array()[1].get_string());
    const size_t dot = whole.find('.');
    TRY(const std::string v, attribute(whole.substr(0, dot), whole.substr(dot + 1)));
    return Value(json::string(v));
  }
  if (name == "Fn::Sub") {
    TRY(const std::string v, sub(argument));
    return Value(json::string(v));
  }
  const json::array& a = argument.get_array();
  if (name == "Fn::If") {
    TRY(const bool is, condition(std::string(a[0].get_string())));
    return resolve(a[is ? 1 : 2]);
  }
  if (name == "Fn::Join") {
    std::string out;
    TRY(const json::array parts, list(a[1]));
    for (size_t i = 0; i < parts.size(); ++i) {
      TRY(const std::string one, text(parts[i]));
      out += (i ? std::string(a[0].get_string()) : "") + one;
      CHECK(count(one.size() + a[0].get_string().size()));
    }
    return Value(json::string(out));
  }
  if (name == "Fn::Split") {
    TRY(const std::string whole, text(a[1]));
    const std::string delimiter(a[0].get_string());
    if (delimiter.empty())
      return validation("Template error: the delimiter of Fn::Split is empty.");
    json::array parts;
    size_t from = 0;
    for (size_t at; (at = whole.find(delimiter, from)) != std::string::npos;
         from = at + delimiter.size())
      parts.emplace_back(json::string(whole.substr(from, at - from)));
    parts.emplace_back(json::string(whole.substr(from)));
    CHECK(count(whole.size() + parts.size() * 16));
    return Value(std::move(parts));
  }
  if (name == "Fn::Select") {
    TRY(const std::string index, text(a[0]));
    TRY(const json::array all, list(a[1]));
    const auto at = parse_int(index);
    if (!at || *at < 0 || static_cast<size_t>(*at) >= all.size())
      return validation("Template error: Fn::Select cannot select nonexistent value at index " +
                        index.substr(0, 20));
    return Value(all[static_cast<size_t>(*at)]);
  }
  return validation("Template error: " + name + " cannot stand here.");
}

Result<std::optional<json::value>> Values::resolve(const json::value& value) {
  if (value.is_array()) {
    json::array out;
    for (const json::value& one : value.get_array()) {
      TRY(auto resolved, resolve(one));
      if (resolved) out.push_back(*std::move(resolved));
    }
    return std::optional<json::value>(std::move(out));
  }
  if (!value.is_object()) return std::optional<json::value>(value);
  const json::object& o = value.get_object();
  if (o.size() == 1) {
    const std::string name(o.begin()->key());
    if (name == "Ref" || name.starts_with("Fn::")) return call(name, o.begin()->value());
  }
  json::object out;
  for (const auto& [key, one] : o) {
    TRY(auto resolved, resolve(one));
    if (resolved) out[key] = *std::move(resolved);
  }
  return std::optional<json::value>(std::move(out));
}
Result<json::object> Values::resolve_properties(const json::object& properties) {
  bytes_ = 0;
  TRY(auto resolved, resolve(properties));
  return std::move(resolved->get_object());
}

}  // namespace sluice::cloudformation
