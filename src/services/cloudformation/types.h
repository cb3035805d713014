// SPDX-License-Identifier: Apache-2.0
#pragma once
// The resource types: their properties, and how each is made, changed and removed by its service's
// own operations. CloudFormation User Guide, "AWS resource and property types reference". Types and
// properties that are not here are refused.
#include "request/ports.h"
#include "services/cloudformation/template_text.h"

namespace sluice::cloudformation {

// Calls operations in the name of a stack's owner. Errors carry the service's answer as
// CloudFormation words it.
class Calls {
 public:
  Calls(const Ports& ports, const Caller& caller) : ports_(ports), caller_(caller) {}
  Result<json::object> document(const char* service, const std::string& operation,
                                const json::object& body) const;
  // Returns the answer's XML.
  Result<std::string> query(const char* service, const std::string& operation,
                            std::vector<std::pair<std::string, std::string>> fields) const;
  // A REST call: S3's answers are XML, Lambda's JSON.
  Result<std::string> rest(const char* service, const std::string& method,
                           const std::string& target, const std::string& body) const;
  const Scope& scope() const { return ports_.store->scope(); }

 private:
  Result<std::string> send(const char* service, const std::string& operation,
                           Request request) const;
  const Ports& ports_;
  const Caller& caller_;
};

// A resource on its way: what is known of it, kept also when a call fails.
struct Made {
  std::string physical;     // Ref
  json::object attributes;  // Fn::GetAtt
  bool exists = false;      // something was made that a rollback must remove
};
struct Type {
  std::string_view name;
  std::string_view schema;         // properties and their kinds, see types.cc
  std::string_view name_property;  // the physical name, e.g. "BucketName"; "" none
  size_t name_max;
  std::string_view replaced_by;  // properties whose change would make a new resource: "A,B"
  std::string_view attributes;   // "Arn,RoleId"
  std::string_view made_by;      // CloudTrail eventName of the call that makes it; "" when removing
                                 // what is not there is harmless
  Result<Done> (*create)(const Calls&, const json::object& properties, Made& made);
  Result<Done> (*update)(const Calls&, const json::object& before, const json::object& after,
                         Made& made);
  Result<Done> (*remove)(const Calls&, const json::object& properties,
                         const std::string& physical);  // success when it is gone already

  bool has_attribute(std::string_view attribute) const;
};
const Type* find_type(std::string_view name);
// Resolved properties against the type's schema: unknown ones are refused, scalars take the type
// the API wants.
Result<json::object> check_properties(const Type& type, const json::object& properties);
// A changed property that needs a replacement; "" none.
std::string needs_replacement(const Type& type, const json::object& before,
                              const json::object& after);
// The name given in the properties, or one from stack, logical id and a random part.
std::string physical_name(const Type& type, const json::object& properties,
                          const std::string& stack, const std::string& logical);
bool changed(const json::object& before, const json::object& after, std::string_view property);

extern const Type kStorageTypes[5], kComputeTypes[6];  // types_storage.cc, types_compute.cc

}  // namespace sluice::cloudformation
