// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes a JSON document straight into its text, member after member, as XmlWriter does for XML. It
// makes no tree, which is what a record of every call can be written with. What it writes can be
// read back by parse_json_object, whatever it was given: text that is not UTF-8 is written
// percent-encoded, and what is nested too deep is left out, and said to be.
//
//   JsonWriter record(kAuditRecordBytes);
//   record.begin_object().member("eventVersion", "1.11").member("readOnly", true);
//   record.name("resources").begin_array();
//   ...
//   record.end_array().end_object();
//   return record.take();
#include <concepts>
#include <string>
#include <string_view>

#include "base/json.h"

namespace sluice {

constexpr int kWrittenDepthMax = 128;  // containers in each other; parse_json_object reads 160

class JsonWriter {
 public:
  // The memory that a usual document needs. It grows when a document needs more.
  explicit JsonWriter(size_t bytes = 0) { out_.reserve(bytes); }
  JsonWriter& begin_object() { return begin('{'); }
  JsonWriter& end_object() { return end('}'); }
  JsonWriter& begin_array() { return begin('['); }
  JsonWriter& end_array() { return end(']'); }
  // Of the member whose value comes next. Two members of one object must not have the same name.
  JsonWriter& name(std::string_view name);
  JsonWriter& text(std::string_view text);
  JsonWriter& value(const json::value& value);
  JsonWriter& value(const json::object& object);
  JsonWriter& value(const json::array& array);
  template <class T>
  JsonWriter& value(const T& plain) {
    if constexpr (std::same_as<T, bool>)
      return written(plain ? "true" : "false");
    else if constexpr (std::same_as<T, std::nullptr_t>)
      return written("null");
    else if constexpr (std::integral<T>)
      return written(std::to_string(plain));
    else
      return text(plain);
  }
  template <class T>
  JsonWriter& member(std::string_view its_name, const T& its_value) {
    return name(its_name).value(its_value);
  }
  // A value that is JSON already.
  JsonWriter& written(std::string_view json);
  // An object that is JSON already, to which more members are added before end_object().
  JsonWriter& begin_written_object(std::string_view json);

  size_t size() const { return out_.size(); }
  // Forgets the value that was begun when this was size(): another is written in its place.
  JsonWriter& take_back(size_t to);
  std::string take() { return std::move(out_); }

 private:
  JsonWriter& begin(char bracket);
  JsonWriter& end(char bracket);
  void separate();
  void quote(std::string_view text);
  std::string out_;
  bool follows_ = false;  // something stands before, in the same container
  int depth_ = 0;         // containers that are open
};

// The members of one object that is the value of a member itself. It begins with its first member,
// so an object without members is not written. Of two members with one name the first counts.
//
//   JsonMembers extra(record, "additionalEventData");
//   if (!call.payload_proven) extra.add("payloadProven", false);
//   extra.end();
class JsonMembers {
 public:
  JsonMembers(JsonWriter& into, std::string_view name) : into_(into), name_(name) {}
  // `name` must live as long as this.
  template <class T>
  void add(std::string_view name, const T& value) {
    if (JsonWriter* writer = open(name)) writer->value(value);
  }
  // For the value of this member; nullptr: there is one already.
  JsonWriter* open(std::string_view name);
  // False: there were none.
  bool end();

 private:
  JsonWriter& into_;
  const std::string_view name_;
  std::vector<std::string_view> names_;
};

// The text of a document that was made as a tree.
std::string written_json(const json::value& value);

}  // namespace sluice
