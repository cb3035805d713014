// SPDX-License-Identifier: Apache-2.0
#include "services/cloudwatch/wire.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "base/xml.h"

namespace sluice::cloudwatch {
namespace {
constexpr size_t kFormDepthMax = 10;
constexpr double kTimeMaxS = 1e11;

// A whole decimal number, or what SDKs write for the special ones.
std::optional<double> double_of(std::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity" || text == "-Infinity")
    return text[0] == '-' ? -std::numeric_limits<double>::infinity()
                          : std::numeric_limits<double>::infinity();
  if (text.empty() || text.size() > 400 || text.find_first_not_of("0123456789+-.eE") != text.npos)
    return std::nullopt;
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data() + (text[0] == '+'), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return std::numeric_limits<double>::infinity();
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Node {
  struct ByNumber {  // 2 before 10
    bool operator()(const std::string& a, const std::string& b) const {
      return a.size() != b.size() ? a.size() < b.size() : a < b;
    }
  };
  std::string text;
  std::map<std::string, Node, ByNumber> children;
  json::value value() && {
    if (children.empty()) return json::value(text);
    if (const auto member = children.find("member");
        children.size() == 1 && member != children.end()) {
      json::array list;
      for (auto& [number, child] : member->second.children)
        list.push_back(std::move(child).value());
      return list;
    }
    json::object object;
    for (auto& [name, child] : children) object[name] = std::move(child).value();
    return object;
  }
};
}  // namespace

Error fault(std::string_view code, std::string message) {
  static const std::map<std::string_view, std::string_view> kShapes = {
      {"InvalidParameterValue", "InvalidParameterValueException"},
      {"InvalidParameterCombination", "InvalidParameterCombinationException"},
      {"MissingParameter", "MissingRequiredParameterException"}};
  const auto shape = kShapes.find(code);
  return {400,
          std::string(shape == kShapes.end() ? code : shape->second),
          std::move(message),
          {{"query-error", std::string(code) + ";Sender"}}};
}

Result<json::object> object_of_form(
    const std::vector<std::pair<std::string, std::string>>& fields) {
  Node root;
  for (const auto& [name, text] : fields) {
    Node* node = &root;
    const auto parts = split(name, '.');
    if (parts.size() > kFormDepthMax) return invalid("The parameter name is nested too deeply.");
    for (const auto part : parts) node = &node->children[std::string(part)];
    node->text = text;
  }
  json::value value = std::move(root).value();
  return value.is_object() ? std::move(value.get_object()) : json::object();
}

Result<Members> Members::of(const Request& request) {
  if (request.headers.find("x-amz-target")) {
    TRY(json::object body, parse_json_object(request.body));
    return Members(std::move(body), false);
  }
  TRY(json::object body, object_of_form(request.query));
  return Members(std::move(body), true);
}

const json::value* Members::find(std::string_view name) const {
  const json::value* value = object_.if_contains(json::string_view(name.data(), name.size()));
  return value && !value->is_null() ? value : nullptr;
}
Error Members::wrong_type(const std::string& where, std::string_view wanted) const {
  if (form_) return invalid("The parameter " + where + " must be a " + std::string(wanted) + ".");
  return {400,
          "SerializationException",
          "The member " + where + " must be a " + std::string(wanted) + ".",
          {}};
}
Result<std::optional<std::string>> Members::text(std::string_view name) const {
  const json::value* value = find(name);
  if (!value) return std::optional<std::string>{};
  if (!value->is_string()) return wrong_type(where(name), "string");
  if (!is_utf8(value->get_string())) return wrong_type(where(name), "UTF-8 string");
  return std::optional(std::string(value->get_string()));
}
Result<std::string> Members::required_text(std::string_view name) const {
  TRY(auto value, text(name));
  if (!value) return fault("MissingParameter", "The parameter " + where(name) + " is required.");
  return *std::move(value);
}
Result<double> Members::number_of(const json::value& value, const std::string& at) const {
  if (value.is_string())  // a form's numbers, and NaN and Infinity in JSON
    if (const auto number = double_of(value.get_string());
        number && (form_ || !std::isfinite(*number)))
      return *number;
  if (!form_ && value.is_double()) return value.get_double();
  if (!form_ && value.is_int64()) return static_cast<double>(value.get_int64());
  if (!form_ && value.is_uint64()) return static_cast<double>(value.get_uint64());
  return wrong_type(at, "number");
}
Result<std::optional<double>> Members::number(std::string_view name) const {
  const json::value* value = find(name);
  if (!value) return std::optional<double>{};
  TRY(const double number, number_of(*value, where(name)));
  return std::optional(number);
}
Result<std::optional<int64_t>> Members::integer(std::string_view name) const {
  TRY(const auto value, number(name));
  if (!value) return std::optional<int64_t>{};
  if (std::trunc(*value) != *value || std::abs(*value) > 2147483647.0)
    return wrong_type(where(name), "32-bit integer");
  return std::optional(static_cast<int64_t>(*value));
}
Result<std::optional<bool>> Members::boolean(std::string_view name) const {
  const json::value* value = find(name);
  if (!value) return std::optional<bool>{};
  if (!form_ && value->is_bool()) return std::optional(value->get_bool());
  if (form_ && value->is_string() &&
      (value->get_string() == "true" || value->get_string() == "false"))
    return std::optional(value->get_string() == "true");
  return wrong_type(where(name), "boolean");
}
Result<std::optional<Time>> Members::time(std::string_view name) const {
  const json::value* value = find(name);
  if (!value) return std::optional<Time>{};
  if (form_ && value->is_string()) {
    const auto time = parse_iso(value->get_string());
    return time ? Result<std::optional<Time>>(time) : wrong_type(where(name), "timestamp");
  }
  TRY(const double seconds, number_of(*value, where(name)));
  if (!(std::abs(seconds) < kTimeMaxS)) return wrong_type(where(name), "timestamp");
  return std::optional(static_cast<Time>(std::llround(seconds * 1000)));
}
Result<json::array> Members::list(std::string_view name, size_t count_max) const {
  const json::value* value = find(name);
  if (!value || (form_ && value->is_string() && value->get_string().empty())) return json::array();
  if (!value->is_array()) return wrong_type(where(name), "list");
  if (value->get_array().size() > count_max)
    return invalid("The collection " + where(name) + " must not have a size greater than " +
                   std::to_string(count_max) + ".");
  return value->get_array();
}
Result<std::vector<std::string>> Members::texts(std::string_view name) const {
  TRY(const json::array items, list(name, 1000));
  std::vector<std::string> out;
  for (const json::value& item : items) {
    if (!item.is_string()) return wrong_type(where(name), "list of strings");
    out.emplace_back(item.get_string());
  }
  return out;
}
Result<std::vector<double>> Members::numbers(std::string_view name, size_t count_max) const {
  TRY(const json::array items, list(name, count_max));
  std::vector<double> out;
  for (const json::value& item : items) {
    TRY(const double number,
        number_of(item, where(name) + ".member." + std::to_string(out.size() + 1)));
    out.push_back(number);
  }
  return out;
}
Result<std::optional<Members>> Members::structure(std::string_view name) const {
  const json::value* value = find(name);
  if (!value) return std::optional<Members>{};
  if (!value->is_object()) return wrong_type(where(name), "structure");
  return std::optional(Members(value->get_object(), form_, where(name) + "."));
}
Result<std::vector<Members>> Members::structures(std::string_view name, size_t count_max) const {
  TRY(json::array items, list(name, count_max));
  std::vector<Members> out;
  for (json::value& item : items) {
    const std::string at = where(name) + ".member." + std::to_string(out.size() + 1);
    if (!item.is_object()) return wrong_type(at, "structure");
    out.emplace_back(std::move(item.get_object()), form_, at + ".");
  }
  return out;
}

namespace {
std::string scalar(std::string_view name, const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  if (value.is_double()) return fmt::format("{}", value.get_double());
  if (!value.is_int64()) return {};
  return name.find("Timestamp") != name.npos ? iso_seconds(value.get_int64() * 1000)
                                             : std::to_string(value.get_int64());
}
void write(XmlWriter& xml, std::string_view element, std::string_view name,
           const json::value& value) {
  if (!value.is_object() && !value.is_array()) {
    xml.element(element, scalar(name, value));
    return;
  }
  xml.open(element);
  if (value.is_array())
    for (const json::value& item : value.get_array()) write(xml, "member", name, item);
  else if (name == "ExtendedStatistics")
    for (const auto& [key, item] : value.get_object())
      xml.open("entry").element("key", key).element("value", scalar("", item)).close("entry");
  else
    for (const auto& [key, item] : value.get_object()) write(xml, key, key, item);
  xml.close(element);
}
}  // namespace

Response render_out(const Out& out) {
  if (!out.form) return {200, {}, json::serialize(out.body), nullptr, 0};
  XmlWriter xml{XmlWriter::Fragment{}};
  for (const auto& [key, value] : out.body) write(xml, key, key, value);
  return {200, {}, xml.take(), nullptr, 0};
}

}  // namespace sluice::cloudwatch
