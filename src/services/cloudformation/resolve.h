// SPDX-License-Identifier: Apache-2.0
#pragma once
// Works out the functions of a template, once parameters and resources are known.
//
//   Values values(t, parameters, scope, stack_name, stack_id);
//   values.add_resource("Table", physical_id, attributes);
//   TRY(const json::object properties, values.resolve_properties(spec.properties));
#include <map>
#include <set>

#include "base/arn.h"
#include "services/cloudformation/template.h"

namespace sluice::cloudformation {

// The names in ${...} of Fn::Sub, without literals (${!x}). The error for a bad name is AWS's text.
Result<std::vector<std::string>> sub_variables(std::string_view text);

class Values {
 public:
  Values(const Template& t, const ParameterValues& parameters, const Scope& scope,
         std::string stack_name, std::string stack_id)
      : template_(t),
        parameters_(parameters),
        scope_(scope),
        stack_name_(std::move(stack_name)),
        stack_id_(std::move(stack_id)) {}
  void add_resource(const std::string& name, std::string physical, json::object attributes) {
    resources_[name] = {std::move(physical), std::move(attributes)};
  }
  bool has_resource(const std::string& name) const { return resources_.contains(name); }
  // From now on, parameters with NoEcho are ****.
  void mask() { masked_ = true; }

  // nullopt for AWS::NoValue. Errors: ValidationError, also when it names a resource that does not
  // exist, or when the result is too large.
  Result<std::optional<json::value>> resolve(const json::value& value);
  Result<json::object> resolve_properties(const json::object& properties);
  // The value as a string. A list is refused.
  Result<std::string> text(const json::value& value);
  // The condition "" is true.
  Result<bool> condition(const std::string& name);

 private:
  struct Resource {
    std::string physical;
    json::object attributes;
  };
  Result<json::value> ref(const std::string& name);
  Result<std::string> attribute(const std::string& resource, const std::string& name);
  Result<std::optional<json::value>> call(const std::string& name, const json::value& argument);
  Result<std::string> sub(const json::value& argument);
  Result<json::array> list(const json::value& value);
  Result<bool> truth(const json::value& value);
  Result<Done> count(size_t bytes);

  const Template& template_;
  const ParameterValues& parameters_;
  const Scope& scope_;
  const std::string stack_name_, stack_id_;
  std::map<std::string, Resource> resources_;
  std::map<std::string, bool> conditions_;  // those that are known already
  std::set<std::string> open_conditions_;
  bool masked_ = false;
  size_t bytes_ = 0;
};

}  // namespace sluice::cloudformation
