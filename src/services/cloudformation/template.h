// SPDX-License-Identifier: Apache-2.0
#pragma once
// A template, checked before anything is made: sections, functions, references, order.
// CloudFormation User Guide, "Template sections". Built: Parameters, Conditions, Resources,
// Outputs; Ref, Fn::GetAtt, Fn::Sub, Fn::Join, Fn::Select, Fn::Split, Fn::If, Fn::Equals, Fn::And,
// Fn::Or, Fn::Not, Condition. Anything else is a ValidationError that names it.
#include <map>

#include "services/cloudformation/template_text.h"

namespace sluice::cloudformation {

struct Parameter {
  std::string name, type, description, constraint;  // constraint: ConstraintDescription
  std::optional<std::string> fallback;              // Default
  bool no_echo = false;
  json::object rules;  // AllowedValues, AllowedPattern, MinLength, MaxLength, MinValue, MaxValue
};
struct ResourceSpec {
  std::string name, type, condition,
      deletion_policy;                  // deletion_policy: Delete, Retain, RetainExceptOnCreate
  json::object properties;              // with its functions
  std::vector<std::string> depends_on;  // DependsOn and everything it refers to; resources only
};
struct OutputSpec {
  std::string name, description, condition;
  json::value value;
};

struct Template {
  std::string description;
  std::vector<Parameter> parameters;
  std::map<std::string, json::value> conditions;
  std::vector<ResourceSpec> resources;  // each stands after those it depends on
  std::vector<OutputSpec> outputs;

  const ResourceSpec* find(std::string_view name) const;
  bool has_parameter(std::string_view name) const;
};
Result<Template> parse_template(std::string_view text);

// Given values and defaults, checked against the parameters' rules. Errors: ValidationError
// "Parameters: [X] must have values", "... do not exist in the template", and AWS's rule texts.
using ParameterValues = std::map<std::string, std::string>;
Result<ParameterValues> check_parameters(const Template& t, const ParameterValues& given);

// The capability that the template's roles need: "", CAPABILITY_IAM or CAPABILITY_NAMED_IAM.
std::string needed_capability(const Template& t);

}  // namespace sluice::cloudformation
