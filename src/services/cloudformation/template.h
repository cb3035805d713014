// SPDX-License-Identifier: Apache-2.0
#pragma once
// Parses a template and checks it before anything is made: its sections, functions and references,
// and the order of its resources. Source: CloudFormation User Guide, "Template sections".
//
//   TRY(const Template t, parse_template(text));
//   TRY(const ParameterValues parameters, check_parameters(t, given));
//   for (const ResourceSpec& spec : t.resources) ...   // each after those that it depends on
//
// What is built: Parameters, Conditions, Resources, Outputs; Ref, Fn::GetAtt, Fn::Sub, Fn::Join,
// Fn::Select, Fn::Split, Fn::If, Fn::Equals, Fn::And, Fn::Or, Fn::Not, Condition. Anything else is
// a ValidationError that names it.
#include <map>

#include "services/cloudformation/template_text.h"

namespace sluice::cloudformation {

struct Parameter {
  std::string name, type, description, constraint;  // `constraint` is ConstraintDescription
  std::optional<std::string> fallback;              // Default
  bool no_echo = false;
  json::object rules;  // AllowedValues, AllowedPattern, MinLength, MaxLength, MinValue, MaxValue
};
struct ResourceSpec {
  // `deletion_policy` is Delete, Retain or RetainExceptOnCreate.
  std::string name, type, condition, deletion_policy;
  json::object properties;              // as they stand in the template, with functions
  std::vector<std::string> depends_on;  // all resources of DependsOn and of its references
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

// The given values and the defaults of the others, checked against the rules of the parameters.
// Errors: ValidationError "Parameters: [X] must have values", "... do not exist in the template",
// and AWS's texts for the rules.
using ParameterValues = std::map<std::string, std::string>;
Result<ParameterValues> check_parameters(const Template& t, const ParameterValues& given);

// A resource whose making needs the caller's word, because it gives permissions.
inline bool is_iam_type(std::string_view type) { return type.starts_with("AWS::IAM::"); }
// The capability that a caller must grant for the template's roles and policies: "", CAPABILITY_IAM
// or CAPABILITY_NAMED_IAM.
std::string needed_capability(const Template& t);

}  // namespace sluice::cloudformation
