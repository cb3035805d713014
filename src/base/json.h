// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON documents, by Boost.JSON. Text from outside is bounded in size by whoever reads it, and in
// depth here.
//
//   TRY(const json::object body, parse_json_object(request.body));
//   const Fields fields(body);
//   TRY(const auto limit, fields.integer("Limit"));   // std::optional<int64_t>
#include <boost/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice {

namespace json = boost::json;

// Parses one whole document: UTF-8, at most `depth_max` nested containers, and nothing after it.
// The error is SerializationException 400 with the parser's reason; who needs another code replaces
// it. When a name comes twice, the last one counts; parse_json_strict refuses it, as policy
// documents need. The document lies in a memory block of its own, which is freed with the last
// value of the document, or with the last copy of one.
Result<json::value> parse_json(std::string_view text, size_t depth_max = 64);
Result<json::value> parse_json_strict(std::string_view text, size_t depth_max = 64);

// Members of a JSON request body, read with AWS's SerializationException when the type is wrong.
// A JSON null counts as absent, as in AWS's parsers.
class Fields {
 public:
  explicit Fields(const json::object& object) : object_(object) {}
  const json::value* find(std::string_view name) const;  // nullptr: absent or null
  Result<std::optional<std::string>> text(std::string_view name) const;
  Result<std::optional<int64_t>> integer(std::string_view name) const;  // a number without fraction
  Result<std::optional<double>> number(std::string_view name) const;
  Result<std::optional<bool>> boolean(std::string_view name) const;
  Result<const json::object*> object(std::string_view name) const;      // nullptr when absent
  Result<const json::array*> array(std::string_view name) const;        // nullptr when absent
  Result<std::vector<std::string>> texts(std::string_view name) const;  // empty when absent
  // Errors: ValidationException when it is absent.
  Result<std::string> required_text(std::string_view name) const;

 private:
  const json::object& object_;
};

// The body of an awsJson request, or a record of the store: a JSON object with at most 160 nested
// containers. An empty body counts as {}.
Result<json::object> parse_json_object(std::string_view body);
// Such a memory block for a document that is made in another way. It grows when `bytes` are not
// enough.
json::storage_ptr json_arena(size_t bytes);

// The same document with the first letter of every name in lower case, as CloudTrail records the
// JSON of a call. A name stays as it is where the other one stands beside it.
json::value camel_case(const json::value& value);

// Members of a document that we have made ourselves, where a wrong type is a bug.
std::string text_of(const json::object& object, std::string_view name);  // "" when absent
int64_t int_of(const json::object& object, std::string_view name, int64_t otherwise = 0);
bool bool_of(const json::object& object, std::string_view name);

}  // namespace sluice
