// SPDX-License-Identifier: Apache-2.0
#include "services/cloudformation/template.h"

#include <algorithm>
#include <regex>
#include <set>

#include "base/bytes.h"
#include "services/cloudformation/cloudformation.h"
#include "services/cloudformation/resolve.h"
#include "services/cloudformation/types.h"

namespace sluice::cloudformation {
namespace {
constexpr const char* kPseudo[] = {"AWS::AccountId", "AWS::NoValue",  "AWS::NotificationARNs",
                                   "AWS::Partition", "AWS::Region",   "AWS::StackId",
                                   "AWS::StackName", "AWS::URLSuffix"};
constexpr size_t kPatternBytesMax = 256;

bool is_pseudo(std::string_view name) {
  return std::find(std::begin(kPseudo), std::end(kPseudo), name) != std::end(kPseudo);
}
bool is_logical_id(std::string_view name) {
  return !name.empty() && name.size() <= 255 &&
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") ==
             name.npos;
}
Error format(const std::string& text) { return validation("Template format error: " + text); }
// A text member that may be written as a number or a boolean.
std::optional<std::string> scalar_text(const json::value* v) {
  if (!v) return std::nullopt;
  if (v->is_string()) return std::string(v->get_string());
  if (v->is_int64()) return std::to_string(v->get_int64());
  if (v->is_bool()) return v->get_bool() ? "true" : "false";
  return std::nullopt;
}
Result<Done> only(const json::object& object, std::initializer_list<std::string_view> allowed,
                  const std::string& where) {
  for (const auto& [key, value] : object)
    if (std::find(allowed.begin(), allowed.end(), std::string_view(key)) == allowed.end())
      return format(where + " has the member '" + std::string(key).substr(0, 100) +
                    "', which Sluice does not implement.");
  return Done{};
}
Result<json::object> section(const json::object& root, const char* name) {
  const json::value* value = root.if_contains(name);
  if (!value || value->is_null()) return json::object{};
  if (!value->is_object())
    return format(std::string("every ") + name + " section must be an object.");
  return value->get_object();
}

Result<Parameter> parse_parameter(const std::string& name, const json::value& value) {
  if (!is_logical_id(name))
    return format("Parameter name " + name.substr(0, 100) + " is non alphanumeric.");
  if (!value.is_object()) return format("Every Parameters object must contain a Type member.");
  const json::object& o = value.get_object();
  CHECK(only(o,
             {"Type", "Default", "AllowedValues", "AllowedPattern", "MinLength", "MaxLength",
              "MinValue", "MaxValue", "NoEcho", "Description", "ConstraintDescription"},
             "Parameter " + name));
  Parameter p{name,
              text_of(o, "Type"),
              text_of(o, "Description"),
              text_of(o, "ConstraintDescription"),
              scalar_text(o.if_contains("Default")),
              scalar_text(o.if_contains("NoEcho")) == "true",
              {}};
  if (p.type.empty()) return format("Every Parameters object must contain a Type member.");
  if (p.type != "String" && p.type != "Number" && p.type != "CommaDelimitedList" &&
      p.type != "List<Number>" && p.type != "List<String>")
    return format("Unrecognized parameter type: " + p.type.substr(0, 100));
  if (o.contains("Default") && !p.fallback) return format("Every Default member must be a string.");
  for (const char* rule :
       {"AllowedValues", "AllowedPattern", "MinLength", "MaxLength", "MinValue", "MaxValue"}) {
    const json::value* given = o.if_contains(rule);
    if (!given) continue;
    if (std::string_view(rule) == "AllowedValues") {
      if (!given->is_array())
        return format("AllowedValues of parameter " + name + " must be a list.");
      json::array list;
      for (const json::value& one : given->get_array()) {
        const auto text = scalar_text(&one);
        if (!text) return format("AllowedValues of parameter " + name + " must be strings.");
        list.emplace_back(*text);
      }
      p.rules[rule] = std::move(list);
      continue;
    }
    const auto text = scalar_text(given);
    if (!text || (std::string_view(rule) != "AllowedPattern" && !parse_int(*text)))
      return format(std::string(rule) + " of parameter " + name + " is not valid.");
    if (text->size() > kPatternBytesMax)
      return format(std::string(rule) + " of parameter " + name + " is longer than " +
                    std::to_string(kPatternBytesMax) + " characters.");
    p.rules[rule] = *text;
  }
  return p;
}

// Walks a value and checks every function in it. Collects the resources it refers to.
class References {
 public:
  References(const Template& t, const std::set<std::string>& resources, std::string where)
      : template_(t), resources_(resources), where_(std::move(where)) {}
  std::set<std::string> found;

  Result<Done> walk(const json::value& v) {
    if (v.is_array()) {
      for (const json::value& one : v.get_array()) CHECK(walk(one));
      return Done{};
    }
    if (!v.is_object()) return Done{};
    const json::object& o = v.get_object();
    if (o.size() == 1) {
      const std::string name(o.begin()->key());
      const json::value& argument = o.begin()->value();
      if (name == "Ref") return ref(argument);
      if (name == "Fn::GetAtt") return get_att(argument);
      if (name == "Fn::Sub") return sub(argument);
      if (name == "Fn::If") {
        if (!argument.is_array() || argument.get_array().size() != 3 ||
            !argument.get_array()[0].is_string())
          return validation("Template error: Fn::If requires a list argument with three elements");
        CHECK(condition(argument.get_array()[0]));
        CHECK(walk(argument.get_array()[1]));
        return walk(argument.get_array()[2]);
      }
      // {"Condition": {...}} is a policy statement's; with a name it is a template's.
      if (name == "Condition" && in_condition_ && argument.is_string()) return condition(argument);
      if (name == "Fn::Join" || name == "Fn::Select" || name == "Fn::Split")
        return pair(name, argument);
      if (name == "Fn::Equals" || name == "Fn::And" || name == "Fn::Or" || name == "Fn::Not") {
        if (!in_condition_)
          return validation("Template error: " + name + " stands outside of a condition, in " +
                            where_);
        const size_t n = argument.is_array() ? argument.get_array().size() : 0;
        if (name == "Fn::Not" ? n != 1 : name == "Fn::Equals" ? n != 2 : n < 2 || n > 10)
          return validation("Template error: every " + name + " object requires a list of " +
                            (name == "Fn::Not"      ? "1"
                             : name == "Fn::Equals" ? "2"
                                                    : "2 to 10") +
                            " parameters.");
        return walk(argument);
      }
    }
    for (const auto& [key, value] : o) {
      if (key.starts_with("Fn::") || key == "Ref")
        return validation("Template error: " + where_ + " uses " + std::string(key).substr(0, 100) +
                          (o.size() == 1 ? ", a function that Sluice does not implement."
                                         : ", which must stand alone in its object."));
      CHECK(walk(value));
    }
    return Done{};
  }
  Result<Done> walk_condition(const json::value& v) {
    in_condition_ = true;
    if (!v.is_object() || v.get_object().size() != 1)
      return validation("Template format error: " + where_ + " must be one condition function.");
    return walk(v);
  }
  Result<Done> condition(const json::value& name) {
    if (!template_.conditions.contains(std::string(name.get_string())))
      return validation("Template format error: Unresolved condition dependency " +
                        std::string(name.get_string()).substr(0, 255) + " in " + where_);
    return Done{};
  }

 private:
  Result<Done> use(const std::string& name) {
    if (is_pseudo(name) || template_.has_parameter(name)) return Done{};
    if (!resources_.contains(name) || in_condition_)
      return validation("Template format error: Unresolved resource dependencies [" +
                        name.substr(0, 255) + "] in the " +
                        (where_.starts_with("output") ? "Outputs" : "Resources") +
                        " block of the template");
    found.insert(name);
    return Done{};
  }
  Result<Done> ref(const json::value& argument) {
    if (!argument.is_string())
      return validation("Template error: every Ref object must have a single String value.");
    return use(std::string(argument.get_string()));
  }
  Result<Done> attribute(const std::string& resource, const std::string& name) {
    if (!resources_.contains(resource) || in_condition_)
      return validation("Template error: instance of Fn::GetAtt references undefined resource " +
                        resource.substr(0, 255));
    const ResourceSpec* spec = template_.find(resource);
    const Type* type = spec ? find_type(spec->type) : nullptr;
    if (type && !type->has_attribute(name))
      return validation("Template error: resource " + resource +
                        " does not support attribute type " + name.substr(0, 255) +
                        " in Fn::GetAtt");
    found.insert(resource);
    return Done{};
  }
  Result<Done> get_att(const json::value& argument) {
    std::string resource, name;
    if (argument.is_string()) {
      const std::string text(argument.get_string());
      resource = text.substr(0, text.find('.'));
      name = text.find('.') == std::string::npos ? "" : text.substr(text.find('.') + 1);
    } else if (argument.is_array() && argument.get_array().size() == 2 &&
               argument.get_array()[0].is_string() && argument.get_array()[1].is_string()) {
      resource = argument.get_array()[0].get_string();
      name = argument.get_array()[1].get_string();
    }
    if (resource.empty() || name.empty())
      return validation(
          "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource "
          "name and the resource attribute");
    return attribute(resource, name);
  }
  Result<Done> sub(const json::value& argument) {
    const json::object none;
    const json::object* variables = &none;
    const json::value* text = &argument;
    if (argument.is_array() && argument.get_array().size() == 2 &&
        argument.get_array()[1].is_object()) {
      text = &argument.get_array()[0];
      variables = &argument.get_array()[1].get_object();
    }
    if (!text->is_string())
      return validation(
          "Template error: One or more Fn::Sub intrinsic functions don't specify expected "
          "arguments. Specify a string as first argument, and an optional second argument to "
          "specify a mapping of values to replace in the string");
    for (const auto& [key, value] : *variables) CHECK(walk(value));
    TRY(const auto names, sub_variables(std::string_view(text->get_string())));
    for (const std::string& name : names) {
      if (variables->contains(name)) continue;
      const size_t dot = name.find('.');
      if (dot == std::string::npos)
        CHECK(use(name));
      else
        CHECK(attribute(name.substr(0, dot), name.substr(dot + 1)));
    }
    return Done{};
  }
  Result<Done> pair(const std::string& name, const json::value& argument) {
    if (!argument.is_array() || argument.get_array().size() != 2)
      return validation("Template error: every " + name +
                        " object requires two parameters, in a list.");
    if (name != "Fn::Select" && !argument.get_array()[0].is_string())
      return validation("Template error: the delimiter of " + name + " must be a string.");
    return walk(argument);
  }

  const Template& template_;
  const std::set<std::string>& resources_;
  const std::string where_;
  bool in_condition_ = false;
};

Result<ResourceSpec> parse_resource(const std::string& name, const json::value& value) {
  if (!is_logical_id(name))
    return format("Resource name " + name.substr(0, 100) + " is non alphanumeric.");
  if (!value.is_object())
    return format("[/Resources/" + name + "] resource definition is malformed");
  const json::object& o = value.get_object();
  CHECK(only(o,
             {"Type", "Properties", "DependsOn", "Condition", "DeletionPolicy",
              "UpdateReplacePolicy", "Metadata"},
             "Resource " + name));
  ResourceSpec spec{name,
                    text_of(o, "Type"),
                    text_of(o, "Condition"),
                    o.contains("DeletionPolicy") ? text_of(o, "DeletionPolicy") : "Delete",
                    {},
                    {}};
  if (spec.type.empty())
    return format("[/Resources/" + name + "] Every Resources object must contain a Type member.");
  if (spec.deletion_policy != "Delete" && spec.deletion_policy != "Retain" &&
      spec.deletion_policy != "RetainExceptOnCreate")
    return format("DeletionPolicy of resource " + name +
                  " must be Delete, Retain or RetainExceptOnCreate; Sluice makes no snapshots.");
  if (const json::value* properties = o.if_contains("Properties");
      properties && !properties->is_null()) {
    if (!properties->is_object())
      return format("[/Resources/" + name + "/Properties] must be an object.");
    spec.properties = properties->get_object();
  }
  if (const json::value* depends = o.if_contains("DependsOn")) {
    json::array list = depends->is_array() ? depends->get_array() : json::array{};
    if (depends->is_string()) list.push_back(*depends);
    for (const json::value& one : list) {
      if (!one.is_string())
        return format("Every DependsOn value must be a string or a list of strings.");
      spec.depends_on.emplace_back(one.get_string());
    }
  }
  return spec;
}

// Orders the resources; those of a circle are named as AWS names them.
Result<Done> order(Template& t) {
  std::vector<ResourceSpec> sorted;
  std::set<std::string> done;
  std::vector<ResourceSpec> left = std::move(t.resources);
  while (!left.empty()) {
    std::vector<ResourceSpec> later;
    const size_t before = sorted.size();
    for (ResourceSpec& spec : left) {
      const bool ready = std::all_of(spec.depends_on.begin(), spec.depends_on.end(),
                                     [&](const std::string& d) { return done.contains(d); });
      if (ready) {
        done.insert(spec.name);
        sorted.push_back(std::move(spec));
      } else
        later.push_back(std::move(spec));
    }
    if (sorted.size() == before) {
      std::string names;
      for (const ResourceSpec& spec : later) names += (names.empty() ? "" : ", ") + spec.name;
      return validation("Circular dependency between resources: [" + names + "]");
    }
    left = std::move(later);
  }
  t.resources = std::move(sorted);
  return Done{};
}

Result<Done> parse_resources(const json::object& root, Template& t) {
  TRY(const json::object resources, section(root, "Resources"));
  if (resources.empty()) return format("At least one Resources member must be defined.");
  if (resources.size() > kResourcesMax)
    return format("Number of resources, " + std::to_string(resources.size()) +
                  ", is greater than maximum allowed, " + std::to_string(kResourcesMax));
  std::set<std::string> names;
  std::string unknown;
  for (const auto& [name, value] : resources) {
    TRY(ResourceSpec spec, parse_resource(std::string(name), value));
    if (t.has_parameter(spec.name))
      return format("the name " + spec.name + " is both a parameter and a resource.");
    if (!find_type(spec.type)) unknown += (unknown.empty() ? "" : ", ") + spec.type.substr(0, 255);
    names.insert(spec.name);
    t.resources.push_back(std::move(spec));
  }
  if (!unknown.empty()) return format("Unrecognized resource types: [" + unknown + "]");
  for (ResourceSpec& spec : t.resources) {
    References references(t, names, "resource " + spec.name);
    if (!spec.condition.empty())
      CHECK(references.condition(json::value(json::string(spec.condition))));
    CHECK(references.walk(spec.properties));
    for (const std::string& name : spec.depends_on) {
      if (!names.contains(name))
        return format("Unresolved resource dependencies [" + name.substr(0, 255) +
                      "] in the Resources block of the template");
      references.found.insert(name);
    }
    spec.depends_on.assign(references.found.begin(), references.found.end());
  }
  return order(t);
}

Result<Done> parse_outputs(const json::object& root, Template& t) {
  TRY(const json::object outputs, section(root, "Outputs"));
  if (outputs.size() > kOutputsMax)
    return format("Number of outputs, " + std::to_string(outputs.size()) +
                  ", is greater than maximum allowed, " + std::to_string(kOutputsMax));
  std::set<std::string> names;
  for (const ResourceSpec& spec : t.resources) names.insert(spec.name);
  for (const auto& [key, value] : outputs) {
    const std::string name(key);
    if (!is_logical_id(name))
      return format("Output name " + name.substr(0, 100) + " is non alphanumeric.");
    if (!value.is_object() || !value.get_object().contains("Value"))
      return format("Every Outputs member must contain a Value object");
    const json::object& o = value.get_object();
    CHECK(only(o, {"Value", "Description", "Condition"}, "Output " + name));
    References references(t, names, "output " + name);
    CHECK(references.walk(o.at("Value")));
    if (const std::string condition = text_of(o, "Condition"); !condition.empty())
      CHECK(references.condition(o.at("Condition")));
    t.outputs.push_back({name, text_of(o, "Description"), text_of(o, "Condition"), o.at("Value")});
  }
  return Done{};
}

Result<Done> parse_conditions(const json::object& root, Template& t) {
  TRY(const json::object conditions, section(root, "Conditions"));
  for (const auto& [name, value] : conditions) t.conditions[std::string(name)] = value;
  const std::set<std::string> none;
  for (const auto& [name, value] : t.conditions)
    CHECK(References(t, none, "condition " + name).walk_condition(value));
  return Done{};
}

Result<Done> check_value(const Parameter& p, const std::string& value) {
  const auto refuse = [&](const std::string& text) {
    return validation("Parameter " + p.name + " failed to satisfy constraint: " +
                      (p.constraint.empty() ? text : p.constraint));
  };
  if (value.size() > kParameterBytesMax)
    return validation("Parameter " + p.name + " is longer than " +
                      std::to_string(kParameterBytesMax) + " bytes.");
  const auto number = [](const std::string& text) -> std::optional<double> {
    if (text.empty() || text.size() > 40 ||
        text.find_first_not_of("+-.0123456789eE") != std::string::npos)
      return std::nullopt;
    char* end = nullptr;
    const double d = std::strtod(text.c_str(), &end);
    return *end ? std::nullopt : std::optional(d);
  };
  const bool list = p.type != "String" && p.type != "Number";
  std::vector<std::string> parts;
  if (list)
    for (const auto part : split(value, ',')) parts.emplace_back(trim(part));
  else
    parts.push_back(value);
  for (const std::string& one : parts) {
    if (p.type.find("Number") != std::string::npos && !number(one))
      return validation("Parameter '" + p.name + "' must be a number.");
    if (const json::value* allowed = p.rules.if_contains("AllowedValues")) {
      std::string all;
      bool found = false;
      for (const json::value& a : allowed->get_array()) {
        found = found || std::string_view(a.get_string()) == one;
        all += (all.empty() ? "" : ", ") + std::string(a.get_string());
      }
      if (!found)
        return refuse("Parameter '" + p.name + "' must be one of AllowedValues: [" + all + "]");
    }
    if (const std::string least = text_of(p.rules, "MinValue");
        !least.empty() && number(one).value_or(0) < static_cast<double>(*parse_int(least)))
      return refuse("Parameter '" + p.name + "' must be a number not less than " + least);
    if (const std::string most = text_of(p.rules, "MaxValue");
        !most.empty() && number(one).value_or(0) > static_cast<double>(*parse_int(most)))
      return refuse("Parameter '" + p.name + "' must be a number not greater than " + most);
  }
  if (const std::string least = text_of(p.rules, "MinLength");
      !least.empty() && static_cast<int64_t>(value.size()) < *parse_int(least))
    return refuse("Parameter '" + p.name + "' must contain at least " + least + " characters");
  if (const std::string most = text_of(p.rules, "MaxLength");
      !most.empty() && static_cast<int64_t>(value.size()) > *parse_int(most))
    return refuse("Parameter '" + p.name + "' must contain at most " + most + " characters");
  if (const std::string pattern = text_of(p.rules, "AllowedPattern"); !pattern.empty()) {
    // Matching without backtracking (libstdc++): no pattern takes exponential time. The pattern was
    // bounded where it was read.
    if (value.size() > 512)
      return refuse("Parameter " + p.name +
                    " is too long for a value with an AllowedPattern: at most 512 bytes.");
    try {
      if (!std::regex_match(value, std::regex(pattern, std::regex::ECMAScript |
                                                           std::regex_constants::__polynomial)))
        return refuse("Parameter " + p.name + " must match pattern " + pattern);
    } catch (const std::regex_error&) {
      return format("AllowedPattern of parameter " + p.name + " is not valid, or too complex.");
    }
  }
  return Done{};
}
}  // namespace

const ResourceSpec* Template::find(std::string_view name) const {
  for (const ResourceSpec& spec : resources)
    if (spec.name == name) return &spec;
  return nullptr;
}
bool Template::has_parameter(std::string_view name) const {
  return std::any_of(parameters.begin(), parameters.end(),
                     [&](const Parameter& p) { return p.name == name; });
}

Result<Template> parse_template(std::string_view text) {
  TRY(const json::object root, read_template(text));
  for (const auto& [name, value] : root) {
    if (name == "AWSTemplateFormatVersion" || name == "Description" || name == "Metadata" ||
        name == "Parameters" || name == "Conditions" || name == "Resources" || name == "Outputs")
      continue;
    if (name == "Mappings" || name == "Rules" || name == "Transform" || name == "Hooks")
      return format("the section " + std::string(name) + " is not implemented by Sluice.");
    return format("Invalid template property or properties [" + std::string(name).substr(0, 255) +
                  "]");
  }
  if (const json::value* version = root.if_contains("AWSTemplateFormatVersion");
      version && text_of(root, "AWSTemplateFormatVersion") != "2010-09-09")
    return format("Template format version is unsupported: use 2010-09-09.");
  Template t;
  if (root.contains("Description") && !root.at("Description").is_string())
    return format("Template Description must be a string.");
  t.description = text_of(root, "Description");
  if (t.description.size() > 1024) return format("Template Description is longer than 1024 bytes.");
  TRY(const json::object parameters, section(root, "Parameters"));
  if (parameters.size() > kParametersMax)
    return format("Number of parameters, " + std::to_string(parameters.size()) +
                  ", is greater than maximum allowed, " + std::to_string(kParametersMax));
  for (const auto& [name, value] : parameters) {
    TRY(Parameter p, parse_parameter(std::string(name), value));
    t.parameters.push_back(std::move(p));
  }
  CHECK(parse_conditions(root, t));
  CHECK(parse_resources(root, t));
  CHECK(parse_outputs(root, t));
  return t;
}

Result<ParameterValues> check_parameters(const Template& t, const ParameterValues& given) {
  std::string unknown, missing;
  for (const auto& [name, value] : given)
    if (!t.has_parameter(name)) unknown += (unknown.empty() ? "" : ", ") + name.substr(0, 255);
  if (!unknown.empty())
    return validation("Parameters: [" + unknown + "] do not exist in the template");
  ParameterValues values;
  for (const Parameter& p : t.parameters) {
    if (const auto found = given.find(p.name); found != given.end())
      values[p.name] = found->second;
    else if (p.fallback)
      values[p.name] = *p.fallback;
    else
      missing += (missing.empty() ? "" : ", ") + p.name;
  }
  if (!missing.empty()) return validation("Parameters: [" + missing + "] must have values");
  for (const Parameter& p : t.parameters) CHECK(check_value(p, values[p.name]));
  return values;
}

std::string needed_capability(const Template& t) {
  std::string needed;
  for (const ResourceSpec& spec : t.resources) {
    if (!is_iam_type(spec.type)) continue;
    // The name of an inline policy is none of the account's.
    if (spec.type != "AWS::IAM::Policy" &&
        spec.properties.contains(find_type(spec.type)->name_property))
      return "CAPABILITY_NAMED_IAM";
    needed = "CAPABILITY_IAM";
  }
  return needed;
}

}  // namespace sluice::cloudformation
