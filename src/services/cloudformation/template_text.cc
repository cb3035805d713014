// SPDX-License-Identifier: Apache-2.0
#include "services/cloudformation/template_text.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>

#include "base/bytes.h"
#include "services/cloudformation/cloudformation.h"

namespace sluice::cloudformation {
namespace {
constexpr std::string_view kStandardTag = "tag:yaml.org,2002:";

// A plain scalar, as YAML 1.1 reads it. Numbers with leading zeros (account ids), fractions and
// dates stay text.
json::value typed(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  for (const char* word : {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})
    if (text == word) return true;
  for (const char* word : {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})
    if (text == word) return false;
  const std::string_view digits = std::string_view(text).substr(text[0] == '-' ? 1 : 0);
  if (!digits.empty() && (digits == "0" || digits[0] != '0') &&
      digits.find_first_not_of("0123456789") == digits.npos)
    if (const auto number = parse_int(text)) return *number;
  return json::string(text);
}

// Builds JSON from the parser's events. The first problem stays; what follows it is ignored.
class Builder : public YAML::EventHandler {
 public:
  std::string problem;
  json::value root;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { scalar(mark, "?", ""); }
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {
    fail("Template error: YAML aliases are not allowed in CloudFormation templates");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    scalar(mark, tag, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    begin(mark, tag, json::array{});
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    begin(mark, tag, json::object{});
  }
  void OnMapEnd() override { end(); }

 private:
  struct Frame {
    json::value container;
    std::string tag, key;
    bool has_key = false;
    YAML::Mark mark;
  };

  void fail(std::string text) {
    if (problem.empty()) problem = std::move(text);
  }
  void fail_at(const YAML::Mark& mark, const std::string& what) {
    fail("Template format error: " + what + " (line " + std::to_string(mark.line + 1) +
         ", column " + std::to_string(mark.column + 1) + ")");
  }
  bool wants_key() const {
    return !open_.empty() && open_.back().container.is_object() && !open_.back().has_key;
  }

  void begin(const YAML::Mark& mark, const std::string& tag, json::value empty) {
    if (!problem.empty()) return;
    if (wants_key()) return fail_at(mark, "a key must be a string.");
    if (open_.size() == kTemplateDepthMax)
      return fail_at(
          mark, "the template nests deeper than " + std::to_string(kTemplateDepthMax) + " levels.");
    open_.push_back({std::move(empty), tag, "", false, mark});
  }
  void end() {
    if (!problem.empty() || open_.empty()) return;
    Frame done = std::move(open_.back());
    open_.pop_back();
    add(done.mark, done.tag, std::move(done.container));
  }
  void scalar(const YAML::Mark& mark, const std::string& tag, const std::string& value) {
    if (!problem.empty()) return;
    if (!is_utf8(value) || value.find('\0') != std::string::npos)
      return fail_at(mark, "YAML not well-formed.");
    if (wants_key()) {
      if (tag != "?" && tag != "!" && !tag.empty()) return fail_at(mark, "a key must be a string.");
      if (open_.back().container.get_object().contains(value))
        return fail_at(mark, "the key " + value.substr(0, 100) + " stands twice.");
      open_.back().key = value;
      open_.back().has_key = true;
      return;
    }
    add(mark, tag, tag == "?" ? typed(value) : json::value(json::string(value)));
  }
  void add(const YAML::Mark& mark, const std::string& tag, json::value value) {
    if (tag.starts_with(kStandardTag)) {
      const std::string type = tag.substr(kStandardTag.size());
      if (type == "int" || type == "bool" || type == "null") {
        if (value.is_string()) value = typed(std::string(value.get_string()));
      } else if (type != "str" && type != "map" && type != "seq")
        return fail_at(mark,
                       "the tag !!" + type.substr(0, 100) + " is not one of CloudFormation's.");
    } else if (tag.size() > 1 && tag[0] == '!') {
      value = call_of(tag.substr(1), std::move(value));
    } else if (tag != "?" && tag != "!" && !tag.empty()) {
      return fail_at(mark, "the tag " + tag.substr(0, 100) + " is not one of CloudFormation's.");
    }
    if (open_.empty()) {
      root = std::move(value);
      return;
    }
    Frame& parent = open_.back();
    if (parent.container.is_array()) {
      parent.container.get_array().push_back(std::move(value));
      return;
    }
    parent.container.get_object()[parent.key] = std::move(value);
    parent.has_key = false;
  }
  static json::value call_of(const std::string& name, json::value argument) {
    if (name == "GetAtt" && argument.is_string()) {
      const std::string text(argument.get_string());
      const size_t dot = text.find('.');
      argument = dot == std::string::npos ? json::array{json::string(text)}
                                          : json::array{json::string(text.substr(0, dot)),
                                                        json::string(text.substr(dot + 1))};
    }
    json::object call;
    call[name == "Ref" || name == "Condition" ? name : "Fn::" + name] = std::move(argument);
    return call;
  }

  std::vector<Frame> open_;
};

Result<json::value> read_yaml(std::string_view text) {
  Builder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder))
      return validation("Template format error: the template is empty.");
    Builder second;
    if (builder.problem.empty() && parser.HandleNextDocument(second))
      return validation("Template format error: a template is one YAML document.");
  } catch (const YAML::Exception& bad) {  // how yaml-cpp reports a syntax error
    if (builder.problem.empty())
      return validation("Template format error: YAML not well-formed. (line " +
                        std::to_string(bad.mark.line + 1) + ", column " +
                        std::to_string(bad.mark.column + 1) + ")");
  }
  if (!builder.problem.empty()) return validation(builder.problem);
  return std::move(builder.root);
}
}  // namespace

Result<json::object> read_template(std::string_view text) {
  if (text.empty()) return validation("Either Template URL or Template Body must be specified.");
  if (text.size() > kTemplateBytesMax)
    return validation(
        "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member "
        "must have length less than or equal to " +
        std::to_string(kTemplateBytesMax));
  if (!is_utf8(text)) return validation("Template format error: the template is not UTF-8.");
  const size_t first = text.find_first_not_of(" \t\r\n");
  Result<json::value> value = first != text.npos && text[first] == '{'
                                  ? parse_json_strict(text, kTemplateDepthMax)
                                  : read_yaml(text);
  if (!value && value.error().code != "ValidationError")
    return validation("Template format error: JSON not well-formed. " + value.error().message);
  if (!value) return std::move(value).error();
  if (!value->is_object()) return validation("Template format error: unsupported structure.");
  return std::move(value->get_object());
}

}  // namespace sluice::cloudformation
