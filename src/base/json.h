// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON documents, by Boost.JSON. Hostile text is bounded in size by its reader and in depth here.
#include <boost/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice {

namespace json = boost::json;

// Parses one whole document: UTF-8, at most `depth_max` nested containers, nothing after it. The
// error is SerializationException 400 with the parser's reason; callers that need another code
// replace it. Duplicate keys: the last wins; parse_json_strict refuses them (policy documents). The
// document lies in a block of its own, which goes with the last value of it, or copy of one.
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
  Result<std::string> required_text(
      std::string_view name) const;  // ValidationException when absent

 private:
  const json::object& object_;
};

// The body of an awsJson request, or a record of the store: a JSON object of at most 160 nested
// containers; an empty body counts as {}.
Result<json::object> parse_json_object(std::string_view body);
// Such a block, for a document made otherwise; it grows when `bytes` are not enough.
json::storage_ptr json_arena(size_t bytes);

// The same document with every member's first letter in lower case: how CloudTrail records the JSON
// of a call.
json::value camel_case(const json::value& value);

// Text of a stored value; the document is ours, so a wrong type is a bug.
std::string text_of(const json::object& object, std::string_view name);  // "" when absent
int64_t int_of(const json::object& object, std::string_view name, int64_t otherwise = 0);
bool bool_of(const json::object& object, std::string_view name);

}  // namespace sluice
