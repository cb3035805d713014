// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <algorithm>
#include <atomic>
#include <boost/json/src.hpp>
#include <cmath>
#include <memory>
#include <set>

#include "base/thread_safety.h"

namespace sluice {
namespace {
// Hands out memory in order and takes none back; more blocks when the first is full. Safe for
// threads that share a document.
class Arena final : public json::memory_resource {
 public:
  explicit Arena(size_t bytes)
      : first_(std::make_unique_for_overwrite<char[]>(bytes)), capacity_(bytes) {}

 protected:
  void* do_allocate(size_t bytes, size_t) override {
    bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    if (const size_t at = used_.fetch_add(bytes, std::memory_order_relaxed);
        at + bytes <= capacity_)
      return first_.get() + at;
    const MutexLock lock(mutex_);
    if (left_ < bytes) {
      left_ = std::max(bytes, capacity_ << more_.size());
      more_.push_back(std::make_unique_for_overwrite<char[]>(left_));
      next_ = more_.back().get();
    }
    left_ -= bytes;
    return std::exchange(next_, next_ + bytes);
  }
  void do_deallocate(void*, size_t, size_t) override {}
  bool do_is_equal(const json::memory_resource& other) const noexcept override {
    return this == &other;
  }

 private:
  static constexpr size_t kAlignment = 16;
  const std::unique_ptr<char[]> first_;
  const size_t capacity_;
  std::atomic<size_t> used_{0};
  Mutex mutex_;
  std::vector<std::unique_ptr<char[]>> more_ SLUICE_GUARDED_BY(mutex_);
  char* next_ SLUICE_GUARDED_BY(mutex_) = nullptr;
  size_t left_ SLUICE_GUARDED_BY(mutex_) = 0;
};
}  // namespace
}  // namespace sluice
template <>
struct boost::json::is_deallocate_trivial<sluice::Arena> {
  static constexpr bool value = true;
};

namespace sluice {
namespace {
Error serialization(std::string message) {
  return {400, "SerializationException", std::move(message), {}};
}
Error wrong_type(const json::value& value, std::string_view wanted) {
  std::string is;
  switch (value.kind()) {
    case json::kind::bool_: is = value.get_bool() ? "TRUE_VALUE" : "FALSE_VALUE"; break;
    case json::kind::int64:
    case json::kind::uint64: is = "NUMBER_VALUE"; break;
    case json::kind::double_: is = "DECIMAL_VALUE"; break;
    case json::kind::string: is = "STRING_VALUE"; break;
    case json::kind::array:
    case json::kind::object:
      return serialization("Start of structure or map found where not expected.");
    case json::kind::null: is = "NULL_VALUE"; break;
  }
  return serialization(is + " cannot be converted to " + std::string(wanted));
}

// Finds a repeated key; Boost.JSON's DOM has already dropped it, so the text is walked once more.
struct DuplicateHandler {
  static constexpr size_t max_object_size = size_t(-1), max_array_size = size_t(-1),
                          max_key_size = size_t(-1), max_string_size = size_t(-1);
  std::vector<std::set<std::string>> open;
  std::string part;
  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) {
    open.emplace_back();
    return true;
  }
  bool on_object_end(size_t, json::error_code&) {
    open.pop_back();
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(size_t, json::error_code&) { return true; }
  bool on_key_part(json::string_view s, size_t, json::error_code&) {
    part.append(s.data(), s.size());
    return true;
  }
  bool on_key(json::string_view s, size_t, json::error_code& ec) {
    part.append(s.data(), s.size());
    if (!open.back().insert(std::exchange(part, {})).second) {
      ec = json::error::syntax;
      return false;
    }
    return true;
  }
  bool on_string_part(json::string_view, size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, size_t, json::error_code&) { return true; }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(int64_t, json::string_view, json::error_code&) { return true; }
  bool on_uint64(uint64_t, json::string_view, json::error_code&) { return true; }
  bool on_double(double, json::string_view, json::error_code&) { return true; }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};
// A number past the range of a double becomes infinity, which has no JSON form: what keeps the
// value could not read it again.
bool all_finite(const json::value& value) {
  if (value.is_double()) return std::isfinite(value.get_double());
  if (value.is_array())
    return std::all_of(value.get_array().begin(), value.get_array().end(), all_finite);
  if (value.is_object())
    return std::all_of(value.get_object().begin(), value.get_object().end(),
                       [](const auto& member) { return all_finite(member.value()); });
  return true;
}
}  // namespace

json::storage_ptr json_arena(size_t bytes) {
  return json::make_shared_resource<Arena>(std::max<size_t>(512, bytes));
}

Result<json::value> parse_json(std::string_view text, size_t depth_max) {
  json::error_code problem;
  json::parse_options options;
  options.max_depth = depth_max;
  json::value value = json::parse(json::string_view(text.data(), text.size()), problem,
                                  json_arena(text.size() * 3), options);
  if (problem) return serialization("The request body is not valid JSON: " + problem.message());
  if (!all_finite(value)) return serialization("A number of the request body is out of range.");
  return value;
}

Result<json::value> parse_json_strict(std::string_view text, size_t depth_max) {
  TRY(auto value, parse_json(text, depth_max));
  json::parse_options options;
  options.max_depth = depth_max;
  json::basic_parser<DuplicateHandler> walk(options);
  json::error_code problem;
  walk.write_some(false, text.data(), text.size(), problem);
  if (problem) return serialization("The document has a duplicate key.");
  return value;
}

Result<json::object> parse_json_object(std::string_view body) {
  constexpr size_t kDepthMax =
      160;  // an item nests 32 levels, two containers each; a stored event holds a payload of 64
  if (body.empty()) return json::object{};
  TRY(auto value, parse_json(body, kDepthMax));
  if (!value.is_object()) return serialization("The request body is not a JSON object.");
  return std::move(value.get_object());
}

const json::value* Fields::find(std::string_view name) const {
  const json::value* value = object_.if_contains(json::string_view(name.data(), name.size()));
  return value && !value->is_null() ? value : nullptr;
}
Result<std::optional<std::string>> Fields::text(std::string_view name) const {
  const json::value* value = find(name);
  if (!value) return std::optional<std::string>{};
  if (!value->is_string()) return wrong_type(*value, "String");
  return std::optional(std::string(value->get_string()));
}
Result<std::optional<int64_t>> Fields::integer(std::string_view name) const {
  const json::value* value = find(name);
  if (!value) return std::optional<int64_t>{};
  if (value->is_int64()) return std::optional(value->get_int64());
  if (value->is_double() && std::trunc(value->get_double()) == value->get_double() &&
      std::abs(value->get_double()) < 9e15)
    return std::optional(static_cast<int64_t>(value->get_double()));
  return wrong_type(*value, "Integer");
}
Result<std::optional<double>> Fields::number(std::string_view name) const {
  const json::value* value = find(name);
  if (!value) return std::optional<double>{};
  if (value->is_double()) return std::optional(value->get_double());
  if (value->is_int64()) return std::optional(static_cast<double>(value->get_int64()));
  if (value->is_uint64()) return std::optional(static_cast<double>(value->get_uint64()));
  return wrong_type(*value, "Double");
}
Result<std::optional<bool>> Fields::boolean(std::string_view name) const {
  const json::value* value = find(name);
  if (!value) return std::optional<bool>{};
  if (!value->is_bool()) return wrong_type(*value, "Boolean");
  return std::optional(value->get_bool());
}
Result<const json::object*> Fields::object(std::string_view name) const {
  const json::value* value = find(name);
  if (value && !value->is_object())
    return serialization("Expected a structure or map at " + std::string(name) + ".");
  return value ? &value->get_object() : static_cast<const json::object*>(nullptr);
}
Result<const json::array*> Fields::array(std::string_view name) const {
  const json::value* value = find(name);
  if (value && !value->is_array())
    return serialization("Expected a list at " + std::string(name) + ".");
  return value ? &value->get_array() : static_cast<const json::array*>(nullptr);
}
Result<std::vector<std::string>> Fields::texts(std::string_view name) const {
  TRY(const json::array* list, array(name));
  std::vector<std::string> out;
  if (list)
    for (const json::value& item : *list) {
      if (!item.is_string()) return wrong_type(item, "String");
      out.emplace_back(item.get_string());
    }
  return out;
}
Result<std::string> Fields::required_text(std::string_view name) const {
  TRY(auto value, text(name));
  if (value) return *std::move(value);
  std::string member(name);
  if (!member.empty() && member[0] >= 'A' && member[0] <= 'Z')
    member[0] = static_cast<char>(member[0] + 32);
  return Error{400,
               "ValidationException",
               "1 validation error detected: Value null at '" + member +
                   "' failed to satisfy constraint: Member must not be null",
               {}};
}

json::value camel_case(const json::value& value) {
  if (const auto* list = value.if_array()) {
    json::array out;
    for (const json::value& one : *list) out.push_back(camel_case(one));
    return out;
  }
  const auto* object = value.if_object();
  if (!object) return value;
  json::object out;
  for (const auto& [key, member] : *object) {
    std::string name(key);
    if (!name.empty() && name[0] >= 'A' && name[0] <= 'Z')
      name[0] = static_cast<char>(name[0] + 32);
    // "Name" beside a "name" stays as it is: neither may hide the other.
    out[object->contains(name) ? std::string(key) : name] = camel_case(member);
  }
  return out;
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(json::string_view(name.data(), name.size()));
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}
int64_t int_of(const json::object& object, std::string_view name, int64_t otherwise) {
  const json::value* value = object.if_contains(json::string_view(name.data(), name.size()));
  return value && value->is_int64() ? value->get_int64() : otherwise;
}
bool bool_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(json::string_view(name.data(), name.size()));
  return value && value->is_bool() && value->get_bool();
}

}  // namespace sluice
