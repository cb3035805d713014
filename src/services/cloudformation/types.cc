// SPDX-License-Identifier: Apache-2.0
// Schemas. A schema is JSON: each property's name (with ! when it is required) and its kind: "s"
// string, "i" integer, "n" number, "b" boolean, "j" a document of any shape, [kind] a list, {...}
// an object,
// {"*": kind} a map.
#include "services/cloudformation/types.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/random.h"
#include "base/xml.h"

namespace sluice::cloudformation {
namespace {
constexpr const char* kVia = "cloudformation.amazonaws.com";

// What the service answered, in the words of CloudFormation's resource handlers.
Error service_error(const char* service, const Response& answer, const std::string& request_id) {
  std::string code = answer.headers.get("x-amzn-errortype"), message;
  if (!answer.body.empty() && answer.body[0] == '{') {
    if (const auto body = parse_json_object(answer.body)) {
      if (code.empty()) code = text_of(*body, "__type");
      message =
          text_of(*body, "message").empty() ? text_of(*body, "Message") : text_of(*body, "message");
    }
    code = code.substr(code.find('#') == std::string::npos ? 0 : code.find('#') + 1);
  } else if (auto document = parse_xml(answer.body)) {
    const auto root = (*document)->document_element();
    const auto error = root.child("Error") ? root.child("Error") : root;
    code = error.child_value("Code");
    message = error.child_value("Message");
  }
  return {answer.status,
          code.empty() ? "GeneralServiceException" : code,
          "Resource handler returned message: \"" + message + " (Service: " + service +
              ", Status Code: " + std::to_string(answer.status) + ", Request ID: " + request_id +
              ")\" (HandlerErrorCode: " + code + ")",
          {}};
}

Error invalid(const std::string& text) { return {400, "ValidationError", text, {}}; }

Result<json::value> check_scalar(std::string_view kind, const json::value& value,
                                 const std::string& path) {
  if (kind == "j") {
    if (value.is_object() || value.is_string()) return value;
    return invalid("Value of property " + path + " must be an object");
  }
  if (kind == "b") {
    if (value.is_bool()) return value;
    if (value.is_string() && (value.get_string() == "true" || value.get_string() == "false"))
      return json::value(value.get_string() == "true");
    return invalid("Value of property " + path + " must be of type Boolean");
  }
  if (kind == "i") {
    if (value.is_int64()) return value;
    if (const auto number =
            value.is_string() ? parse_int(std::string_view(value.get_string())) : std::nullopt)
      return json::value(*number);
    return invalid("Value of property " + path + " must be of type Integer");
  }
  if (kind == "n") {
    if (value.is_number()) return value;
    json::error_code problem;
    if (value.is_string())
      if (auto number = json::parse(value.get_string(), problem); !problem && number.is_number())
        return number;
    return invalid("Value of property " + path + " must be of type Double");
  }
  if (value.is_string()) return value;
  if (value.is_int64()) return json::value(json::string(std::to_string(value.get_int64())));
  if (value.is_bool()) return json::value(value.get_bool() ? "true" : "false");
  return invalid("Value of property " + path + " must be of type String");
}

Result<json::value> check_kind(const json::value& kind, const json::value& value,
                               const std::string& path) {
  if (kind.is_string()) return check_scalar(std::string_view(kind.get_string()), value, path);
  if (kind.is_array()) {
    if (!value.is_array()) return invalid("Value of property " + path + " must be of type List");
    json::array out;
    for (const json::value& one : value.get_array()) {
      TRY(json::value checked, check_kind(kind.get_array()[0], one, path));
      out.push_back(std::move(checked));
    }
    return json::value(std::move(out));
  }
  if (!value.is_object()) return invalid("Value of property " + path + " must be an object");
  const json::object& wanted = kind.get_object();
  json::object out;
  for (const auto& [key, one] : value.get_object()) {
    const std::string name(key);
    const json::value* member = wanted.if_contains("*")    ? wanted.if_contains("*")
                                : wanted.if_contains(name) ? wanted.if_contains(name)
                                                           : wanted.if_contains(name + "!");
    if (!member)
      return invalid("Encountered unsupported property " + (path.empty() ? "" : path + ".") +
                     name.substr(0, 255));
    TRY(json::value checked, check_kind(*member, one, (path.empty() ? "" : path + ".") + name));
    out[name] = std::move(checked);
  }
  for (const auto& [key, member] : wanted)
    if (key.ends_with('!') && !out.contains(key.substr(0, key.size() - 1)))
      return invalid("Property " + (path.empty() ? "" : path + ".") +
                     std::string(key.substr(0, key.size() - 1)) + " cannot be empty.");
  return json::value(std::move(out));
}
bool listed(std::string_view names, std::string_view name) {
  for (const auto one : split(names, ','))
    if (one == name) return true;
  return false;
}
}  // namespace

Result<std::string> Calls::send(const char* service, const std::string& operation,
                                Request request) const {
  request.time = now();
  request.source_ip = kVia;
  request.headers.add("user-agent", kVia);
  request.headers.add("host", std::string(service) + "." + scope().region + ".amazonaws.com");
  Response answer = ports_.dispatcher->call(service, operation, std::move(request), caller_);
  std::string id = answer.headers.get("x-amzn-requestid");
  if (id.empty()) id = answer.headers.get("x-amz-request-id");
  if (answer.status >= 300) return service_error(service, answer, id);
  return std::move(answer.body);
}
Result<json::object> Calls::document(const char* service, const std::string& operation,
                                     const json::object& body) const {
  Request request;
  request.method = "POST";
  request.body = json::serialize(body);
  TRY(const std::string answer, send(service, operation, std::move(request)));
  return parse_json_object(answer);
}
Result<std::string> Calls::query(const char* service, const std::string& operation,
                                 std::vector<std::pair<std::string, std::string>> fields) const {
  Request request;
  request.method = "POST";
  request.query = std::move(fields);
  request.query.emplace_back("Action", operation);
  return send(service, operation, std::move(request));
}
Result<std::string> Calls::rest(const char* service, const std::string& method,
                                const std::string& target, const std::string& body) const {
  Request request;
  request.method = method;
  request.target = target;
  request.body = body;
  return send(service, "", std::move(request));
}

bool Type::has_attribute(std::string_view attribute) const { return listed(attributes, attribute); }

std::string document_text(const json::value& document) {
  return document.is_string() ? std::string(document.get_string()) : json::serialize(document);
}

const Type* find_type(std::string_view name) {
  for (const Type& type : kStorageTypes)
    if (type.name == name) return &type;
  for (const Type& type : kIdentityTypes)
    if (type.name == name) return &type;
  for (const Type& type : kComputeTypes)
    if (type.name == name) return &type;
  return nullptr;
}

Result<json::object> check_properties(const Type& type, const json::object& properties) {
  const auto schema = parse_json_object(type.schema);  // ours: it parses
  TRY(json::value checked, check_kind(*schema, properties, ""));
  return std::move(checked.get_object());
}

bool changed(const json::object& before, const json::object& after, std::string_view property) {
  const json::value *a = before.if_contains(property), *b = after.if_contains(property);
  return (a == nullptr) != (b == nullptr) || (a && *a != *b);
}
std::string needs_replacement(const Type& type, const json::object& before,
                              const json::object& after) {
  for (const auto property : split(type.replaced_by, ','))
    if (!property.empty() && changed(before, after, property)) return std::string(property);
  return {};
}

std::string physical_name(const Type& type, const json::object& properties,
                          const std::string& stack, const std::string& logical) {
  if (!type.name_property.empty())
    if (const std::string given = text_of(properties, type.name_property); !given.empty())
      return given;
  if (type.name_max == 0) return {};  // the service gives the name
  const std::string end = "-" + random_upper(12);
  const size_t room = type.name_max - end.size();
  std::string name = stack + "-" + logical;
  if (name.size() > room)
    name = stack.substr(0, room / 2) + "-" +
           logical.substr(0, room - std::min(stack.size(), room / 2) - 1);
  name += end;
  return type.name == "AWS::S3::Bucket" ? lower(name) : name;
}

}  // namespace sluice::cloudformation
