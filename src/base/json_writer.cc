// SPDX-License-Identifier: Apache-2.0
#include "base/json_writer.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/plain_text.h"

namespace sluice {
namespace {
constexpr std::string_view kTooDeep = "nested too deep to be shown";

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }
bool is_escaped(char c) { return static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\'; }
// As Boost.JSON writes them, so that both write the same bytes.
void append_escaped(std::string& out, char c) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
  }
  out += "\\u00";
  out += kHex[static_cast<uint8_t>(c) >> 4];
  out += kHex[c & 15];
}
}  // namespace

JsonWriter& JsonWriter::begin(char bracket) {
  separate();
  out_ += bracket;
  follows_ = false;
  ++depth_;
  return *this;
}
JsonWriter& JsonWriter::end(char bracket) {
  out_ += bracket;
  follows_ = true;
  --depth_;
  return *this;
}

// Before a name, and before a value that has none.
void JsonWriter::separate() {
  if (follows_) out_ += ',';
}

JsonWriter& JsonWriter::name(std::string_view name) {
  separate();
  quote(name);
  out_ += ':';
  follows_ = false;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view text) {
  separate();
  quote(text);
  follows_ = true;
  return *this;
}

JsonWriter& JsonWriter::written(std::string_view json) {
  separate();
  out_ += json;
  follows_ = true;
  return *this;
}

JsonWriter& JsonWriter::begin_written_object(std::string_view json) {
  separate();
  out_ += json.substr(0, json.size() - 1);
  follows_ = json != "{}";
  ++depth_;
  return *this;
}

JsonWriter& JsonWriter::take_back(size_t to) {
  out_.resize(to);
  follows_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(const json::value& value) {
  if (const json::string* string = value.if_string()) return text(view(*string));
  if (const json::array* array = value.if_array()) return this->value(*array);
  if (const json::object* object = value.if_object()) return this->value(*object);
  return written(json::serialize(value));
}
JsonWriter& JsonWriter::value(const json::array& array) {
  if (depth_ > kWrittenDepthMax) return text(kTooDeep);
  begin_array();
  for (const json::value& one : array) value(one);
  return end_array();
}
JsonWriter& JsonWriter::value(const json::object& object) {
  if (depth_ > kWrittenDepthMax) return text(kTooDeep);
  begin_object();
  for (const auto& [its_name, its_value] : object)
    name({its_name.data(), its_name.size()}).value(its_value);
  return end_object();
}

void JsonWriter::quote(std::string_view text) {
  const bool plain = plain_bytes(text) == text.size();
  if (!plain && !is_utf8(text)) return quote(percent_encode(text));
  out_ += '"';
  if (plain)
    out_ += text;
  else
    for (const char c : text)
      if (is_escaped(c))
        append_escaped(out_, c);
      else
        out_ += c;
  out_ += '"';
}

JsonWriter* JsonMembers::open(std::string_view name) {
  if (std::find(names_.begin(), names_.end(), name) != names_.end()) return nullptr;
  if (names_.empty()) into_.name(name_).begin_object();
  names_.push_back(name);
  return &into_.name(name);
}
bool JsonMembers::end() {
  if (!names_.empty()) into_.end_object();
  return !names_.empty();
}

std::string written_json(const json::value& value) {
  JsonWriter writer;
  writer.value(value);
  return writer.take();
}

}  // namespace sluice
