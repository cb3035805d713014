// SPDX-License-Identifier: Apache-2.0
#pragma once
// The types of resources: their properties, and how each is made, changed and removed by the
// operations of its service. Types and properties that are not here are refused. Source:
// CloudFormation User Guide, "AWS resource and property types reference".
//
//   const Type* type = find_type("AWS::S3::Bucket");   // nullptr: not built
//   TRY(const json::object properties, check_properties(*type, resolved));
//   CHECK(type->create(calls, properties, made));
#include "request/ports.h"
#include "services/cloudformation/template_text.h"

namespace sluice::cloudformation {

// Calls operations in the name of a stack's owner. An error has the answer of the service, as
// CloudFormation says it.
class Calls {
 public:
  Calls(const Ports& ports, const Caller& caller) : ports_(ports), caller_(caller) {}
  // For JSON services.
  Result<json::object> document(const char* service, const std::string& operation,
                                const json::object& body) const;
  // For query services. Returns the XML of the answer.
  Result<std::string> query(const char* service, const std::string& operation,
                            std::vector<std::pair<std::string, std::string>> fields) const;
  // For REST services. Returns the answer: XML from S3, JSON from Lambda.
  Result<std::string> rest(const char* service, const std::string& method,
                           const std::string& target, const std::string& body) const;
  const Scope& scope() const { return ports_.store->scope(); }

 private:
  Result<std::string> send(const char* service, const std::string& operation,
                           Request request) const;
  const Ports& ports_;
  const Caller& caller_;
};

// What is known of a resource that is being made. It is kept also when a call fails.
struct Made {
  std::string physical;     // what Ref gives
  json::object attributes;  // what Fn::GetAtt gives
  bool exists = false;      // something was made that a rollback must remove
};
struct Type {
  std::string_view name;
  std::string_view schema;         // the properties and their kinds (types.cc)
  std::string_view name_property;  // the property with the physical name: "BucketName"; "": none
  size_t name_max;
  std::string_view replaced_by;  // properties whose change would make a new resource: "A,B"
  std::string_view attributes;   // "Arn,RoleId"
  // The eventName in CloudTrail of the call that makes it. "": it is harmless to remove what does
  // not exist.
  std::string_view made_by;
  Result<Done> (*create)(const Calls&, const json::object& properties, Made& made);
  Result<Done> (*update)(const Calls&, const json::object& before, const json::object& after,
                         Made& made);
  // Succeeds when it is gone already.
  Result<Done> (*remove)(const Calls&, const json::object& properties, const std::string& physical);

  bool has_attribute(std::string_view attribute) const;
};
const Type* find_type(std::string_view name);
// Checks resolved properties against the schema of the type. Unknown ones are refused; scalars get
// the type that the API wants.
Result<json::object> check_properties(const Type& type, const json::object& properties);
// A property that has changed and needs a new resource; "": none.
std::string needs_replacement(const Type& type, const json::object& before,
                              const json::object& after);
// The name that the properties give, or one made of the stack's name, the logical id and a random
// part.
std::string physical_name(const Type& type, const json::object& properties,
                          const std::string& stack, const std::string& logical);
bool changed(const json::object& before, const json::object& after, std::string_view property);

// For removing: what is gone already is no error.
template <class Out>
Result<Done> unless_gone(Result<Out> outcome, std::string_view gone) {
  if (outcome || outcome.error().code == gone) return Done{};
  return std::move(outcome).error();
}
// A document may be given as an object or as its text.
std::string document_text(const json::value& document);

// They stand in types_storage.cc, types_identity.cc and types_compute.cc.
extern const Type kStorageTypes[5], kIdentityTypes[3], kComputeTypes[9];

}  // namespace sluice::cloudformation
