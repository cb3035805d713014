// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/event_filter.h"

#include <algorithm>

#include "base/bytes.h"
#include "services/lambda/model.h"

namespace sluice::lambda {
namespace {
Error bad_pattern(const std::string& why) {
  return invalid("Invalid filter pattern definition. " + why);
}
bool is_simple(const json::value& value) { return !value.is_structured(); }
bool compares_text(std::string_view rule) {
  return rule == "prefix" || rule == "suffix" || rule == "equals-ignore-case";
}
bool is_comparison(std::string_view op) {
  return op == "=" || op == "<" || op == "<=" || op == ">" || op == ">=";
}

Result<Done> check_numeric(const json::value& bounds) {
  const json::array* list = bounds.if_array();
  if (!list || list->empty() || list->size() > 4 || list->size() % 2)
    return bad_pattern("numeric needs one or two pairs of an operator and a number.");
  for (size_t i = 0; i < list->size(); i += 2) {
    const json::value& op = list->at(i);
    if (!op.is_string() || !is_comparison(op.get_string()) || !list->at(i + 1).is_number())
      return bad_pattern("numeric needs pairs of =, <, <=, > or >= and a number.");
  }
  return Done{};
}
Result<Done> check_anything_but(const json::value& excluded) {
  if (is_simple(excluded)) return Done{};
  if (const json::array* list = excluded.if_array()) {
    if (!list->empty() && std::all_of(list->begin(), list->end(), is_simple)) return Done{};
    return bad_pattern("anything-but needs texts, numbers, true, false or null.");
  }
  const json::object& rule = excluded.get_object();
  if (rule.size() == 1 && compares_text(rule.begin()->key()) && rule.begin()->value().is_string())
    return Done{};
  return bad_pattern("anything-but takes prefix, suffix or equals-ignore-case with a text.");
}
Result<Done> check_rule(const json::value& rule) {
  if (is_simple(rule)) return Done{};
  const json::object* object = rule.if_object();
  if (!object || object->size() != 1)
    return bad_pattern("A rule is a value, or an object with one member.");
  const std::string_view name = object->begin()->key();
  const json::value& value = object->begin()->value();
  if (compares_text(name))
    return value.is_string() ? Result<Done>(Done{})
                             : bad_pattern(std::string(name) + " needs a text.");
  if (name == "exists")
    return value.is_bool() ? Result<Done>(Done{}) : bad_pattern("exists needs true or false.");
  if (name == "numeric") return check_numeric(value);
  if (name == "anything-but") return check_anything_but(value);
  return bad_pattern("Unrecognized match type " + std::string(name.substr(0, 64)));
}
Result<Done> check_pattern(const json::object& pattern) {
  if (pattern.empty()) return bad_pattern("An object of a pattern must not be empty.");
  for (const auto& [name, value] : pattern) {
    if (name == "$or") {
      const json::array* choices = value.if_array();
      if (!choices || choices->size() < 2) return bad_pattern("$or needs a list of patterns.");
      for (const json::value& choice : *choices) {
        if (!choice.is_object()) return bad_pattern("$or needs a list of patterns.");
        CHECK(check_pattern(choice.get_object()));
      }
      continue;
    }
    if (const json::object* inner = value.if_object()) {
      CHECK(check_pattern(*inner));
      continue;
    }
    const json::array* rules = value.if_array();
    if (!rules || rules->empty())
      return bad_pattern("'" + std::string(name.substr(0, 64)) + "' must be an object or an array");
    for (const json::value& rule : *rules) CHECK(check_rule(rule));
  }
  return Done{};
}

double as_double(const json::value& number) { return number.to_number<double>(); }
bool equal(const json::value& a, const json::value& b) {
  return a.is_number() && b.is_number() ? as_double(a) == as_double(b) : a == b;
}
bool text_matches(std::string_view rule, std::string_view wanted, const json::value& value) {
  const json::string* text = value.if_string();
  if (!text) return false;
  const std::string_view there(*text);
  return rule == "prefix"   ? there.starts_with(wanted)
         : rule == "suffix" ? there.ends_with(wanted)
                            : lower(std::string(there)) == lower(std::string(wanted));
}
bool numeric_matches(const json::array& bounds, const json::value& value) {
  if (!value.is_number()) return false;
  const double there = as_double(value);
  for (size_t i = 0; i < bounds.size(); i += 2) {
    const std::string_view op = bounds[i].get_string();
    const double bound = as_double(bounds[i + 1]);
    const bool holds = op == "="    ? there == bound
                       : op == "<"  ? there < bound
                       : op == "<=" ? there <= bound
                       : op == ">"  ? there > bound
                                    : there >= bound;
    if (!holds) return false;
  }
  return true;
}
bool is_excluded(const json::value& excluded, const json::value& value) {
  if (const json::object* rule = excluded.if_object())
    return text_matches(rule->begin()->key(), rule->begin()->value().get_string(), value);
  if (const json::array* list = excluded.if_array())
    return std::any_of(list->begin(), list->end(),
                       [&](const json::value& one) { return equal(one, value); });
  return equal(excluded, value);
}
// `value` is nullptr where the record has no such member, or an object.
bool rule_matches(const json::value& rule, const json::value* value) {
  const json::object* object = rule.if_object();
  if (!object) return value && equal(rule, *value);
  const std::string_view name = object->begin()->key();
  const json::value& wanted = object->begin()->value();
  if (name == "exists") return wanted.get_bool() == (value != nullptr);
  if (!value) return false;
  if (name == "numeric") return numeric_matches(wanted.get_array(), *value);
  if (name == "anything-but") return !is_excluded(wanted, *value);
  return text_matches(name, wanted.get_string(), *value);
}
// One rule must hold for the value, or, where the record has a list, for one of its values.
bool any_rule_matches(const json::array& rules, const json::value* value) {
  const json::array* list = value ? value->if_array() : nullptr;
  return std::any_of(rules.begin(), rules.end(), [&](const json::value& rule) {
    if (!list || list->empty())
      return rule_matches(rule, value && value->is_structured() ? nullptr : value);
    return std::any_of(list->begin(), list->end(),
                       [&](const json::value& one) { return rule_matches(rule, &one); });
  });
}
bool pattern_matches(const json::object& pattern, const json::value* record) {
  const json::object* there = record ? record->if_object() : nullptr;
  return std::all_of(pattern.begin(), pattern.end(), [&](const auto& member) {
    if (member.key() == "$or") {
      const json::array& choices = member.value().get_array();
      return std::any_of(choices.begin(), choices.end(), [&](const json::value& choice) {
        return pattern_matches(choice.get_object(), record);
      });
    }
    const json::value* value = there ? there->if_contains(member.key()) : nullptr;
    if (const json::object* inner = member.value().if_object())
      return pattern_matches(*inner, value);
    return any_rule_matches(member.value().get_array(), value);
  });
}
}  // namespace

Result<EventFilter> EventFilter::parse(const std::string& pattern) {
  if (pattern.size() > kPatternBytesMax)
    return bad_pattern("It has more than " + std::to_string(kPatternBytesMax) + " bytes.");
  const auto parsed = parse_json_strict(pattern, kPatternDepthMax);
  if (!parsed) return bad_pattern(parsed.error().message);
  if (!parsed->is_object()) return bad_pattern("It must be a JSON object.");
  if (!parsed->get_object().empty()) CHECK(check_pattern(parsed->get_object()));
  return EventFilter(parsed->get_object());
}
bool EventFilter::matches(const json::value& record) const {
  return pattern_matches(pattern_, &record);
}

}  // namespace sluice::lambda
