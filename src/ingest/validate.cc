// SPDX-License-Identifier: Apache-2.0
#include "ingest/validate.h"

#include <boost/json/basic_parser_impl.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"

namespace sluice::ingest {
namespace {

void append_quoted(std::string& out, std::string_view text) {
  out += json::serialize(json::string_view(text.data(), text.size()));
}

// Receives a record's parts and writes the item as it goes: nothing is kept twice, numbers stay
// text.
struct ItemBuilder {
  static constexpr size_t max_object_size = static_cast<size_t>(-1),
                          max_array_size = static_cast<size_t>(-1),
                          max_key_size = static_cast<size_t>(-1),
                          max_string_size = static_cast<size_t>(-1);
  std::string out, number, text, key, code, message, device_id, timestamp;
  std::vector<bool> in_object;  // of the open containers, the record's own not counted
  std::set<std::string, std::less<>> names;
  bool first = true, root = false, has_device = false, has_time = false, has_value = false;

  bool reject(const char* c, std::string m) {
    code = c;
    message = std::move(m);
    return false;
  }
  bool top() const { return root && in_object.empty(); }
  // Before every value: the comma, and the name in an object.
  bool begin(const char* type) {
    if (!root) return reject("NotAnObject", "a record is a JSON object");
    if (top()) {
      if (key == "device_id" && std::string_view(type) != "S")
        return reject("InvalidDeviceId", "device_id must be a string");
      if (key == "timestamp" && std::string_view(type) != "S")
        return reject("InvalidTimestamp", "timestamp must be a string");
      if (key == "value" && std::string_view(type) != "N")
        return reject("InvalidValue", "value must be a number");
    }
    if (!first) out += ',';
    first = false;
    if (in_object.empty() || in_object.back()) {
      append_quoted(out, key);
      out += ':';
    }
    out += "{\"";
    out += type;
    out += "\":";
    return true;
  }
  bool open(const char* type, bool object) {
    if (!root) {
      if (!object) return reject("NotAnObject", "a record is a JSON object");
      root = true;
      out += '{';
      return true;
    }
    if (in_object.size() + 1 >= kDepthMax)
      return reject("TooDeep", "an item nests at most 32 levels");
    if (!begin(type)) return false;
    out += object ? '{' : '[';
    in_object.push_back(object);
    first = true;
    return true;
  }
  bool close(char bracket) {
    out += bracket;
    if (in_object.empty()) return true;  // the record itself
    in_object.pop_back();
    out += '}';
    first = false;
    return true;
  }
  bool take_number(json::string_view last) {
    number.append(last.data(), last.size());
    if (!begin("N")) return false;
    if (!is_exact_number(number))
      return reject(top() && key == "value" ? "InvalidValue" : "InvalidNumber",
                    "'" + number.substr(0, 60) +
                        "' does not fit DynamoDB's numbers: at most 38 significant digits, "
                        "magnitude 1E-130 to 9.99E+125");
    has_value = has_value || (top() && key == "value");
    out += '"' + number + "\"}";
    number.clear();
    return true;
  }
  bool take_string() {
    if (top() && key == "device_id") {
      if (text.empty() || text.size() > kDeviceIdBytesMax)
        return reject("InvalidDeviceId", "device_id must be 1 to 2048 bytes");
      device_id = text;
      has_device = true;
    }
    if (top() && key == "timestamp") {
      const std::string utc = utc_timestamp(text);
      if (utc.empty() || utc.size() > kTimestampBytesMax)
        return reject(
            "InvalidTimestamp",
            "timestamp must be an RFC 3339 date-time with an offset, such as 2026-02-01T10:00:00Z");
      timestamp = text = utc;
      has_time = true;
    }
    if (!begin("S")) return false;
    append_quoted(out, text);
    out += '}';
    text.clear();
    return true;
  }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return open("M", true); }
  bool on_object_end(size_t, json::error_code&) { return close('}'); }
  bool on_array_begin(json::error_code&) { return open("L", false); }
  bool on_array_end(size_t, json::error_code&) { return close(']'); }
  bool on_key_part(json::string_view part, size_t, json::error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, size_t, json::error_code&) {
    text.append(part.data(), part.size());
    key = std::move(text);
    text.clear();
    if (in_object.empty() && !names.insert(key).second)
      return reject("DuplicateAttribute",
                    "the attribute '" + key.substr(0, 100) + "' stands twice in the record");
    return true;
  }
  bool on_string_part(json::string_view part, size_t, json::error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view part, size_t, json::error_code&) {
    text.append(part.data(), part.size());
    return take_string();
  }
  bool on_number_part(json::string_view part, json::error_code&) {
    number.append(part.data(), part.size());
    return true;
  }
  bool on_int64(int64_t, json::string_view last, json::error_code&) { return take_number(last); }
  bool on_uint64(uint64_t, json::string_view last, json::error_code&) { return take_number(last); }
  bool on_double(double, json::string_view last, json::error_code&) { return take_number(last); }
  bool on_bool(bool value, json::error_code&) {
    if (!begin("BOOL")) return false;
    out += value ? "true}" : "false}";
    return true;
  }
  bool on_null(json::error_code&) {
    if (!begin("NULL")) return false;
    out += "true}";
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads what most devices send: one object with strings, numbers, booleans and nulls, whose strings
// have no escapes. The text of each part is the item's as it stands, so it is copied and nothing is
// made of it in between. Whatever else a record may be, right or wrong, is left to
// validate_in_full().
class PlainRecord {
 public:
  explicit PlainRecord(std::string_view text) : text_(text) {}
  std::optional<Item> read() {
    item_.json.reserve(text_.size() + kMembersMax * 8);
    if (!skip('{')) return std::nullopt;
    item_.json += '{';
    do {
      if (!member()) return std::nullopt;
    } while (skip(','));
    if (!skip('}') || at_ != text_.size()) return std::nullopt;
    item_.json += '}';
    if (item_.device_id.empty() || item_.timestamp.empty() || !has_value_) return std::nullopt;
    return std::move(item_);
  }

 private:
  static constexpr size_t kMembersMax = 16;
  bool at_end() const { return at_ == text_.size(); }
  void skip_blanks() {
    while (!at_end() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  // Whether this comes next, after blanks; then it has been read.
  bool skip(char c) {
    skip_blanks();
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool member() {
    const auto name = string();
    if (!name || !skip(':')) return false;
    for (size_t i = 0; i < members_; ++i)
      if (names_[i] == *name) return false;
    if (members_ == kMembersMax) return false;
    if (members_) item_.json += ',';
    names_[members_++] = *name;
    item_.json.append("\"").append(*name).append("\":");
    skip_blanks();
    if (at_end()) return false;
    if (text_[at_] == '"') return string_value(*name);
    if (text_[at_] == '-' || is_digit(text_[at_])) return number_value(*name);
    if (*name == "device_id" || *name == "timestamp" || *name == "value") return false;
    return word("true", "{\"BOOL\":true}") || word("false", "{\"BOOL\":false}") ||
           word("null", "{\"NULL\":true}");
  }
  bool word(std::string_view word, std::string_view value) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    item_.json += value;
    return true;
  }
  std::optional<std::string_view> string() {
    if (!skip('"')) return std::nullopt;
    const size_t start = at_;
    bool ascii = true;
    for (; !at_end() && text_[at_] != '"'; ++at_) {
      const auto c = static_cast<uint8_t>(text_[at_]);
      if (c < 0x20 || c == '\\') return std::nullopt;
      ascii = ascii && c < 0x80;
    }
    if (at_end()) return std::nullopt;
    const std::string_view found = text_.substr(start, at_++ - start);
    if (!ascii && !is_utf8(found)) return std::nullopt;
    return found;
  }
  bool string_value(std::string_view name) {
    const auto found = string();
    if (!found || name == "value") return false;
    std::string_view value = *found;
    if (name == "device_id") {
      if (value.empty() || value.size() > kDeviceIdBytesMax) return false;
      item_.device_id = value;
    } else if (name == "timestamp") {
      item_.timestamp = utc_timestamp(value);
      if (item_.timestamp.empty() || item_.timestamp.size() > kTimestampBytesMax) return false;
      value = item_.timestamp;
    }
    item_.json.append("{\"S\":\"").append(value).append("\"}");
    return true;
  }
  size_t digits() {
    const size_t start = at_;
    while (!at_end() && is_digit(text_[at_])) ++at_;
    return at_ - start;
  }
  bool number_value(std::string_view name) {
    if (name == "device_id" || name == "timestamp") return false;
    const size_t start = at_;
    if (text_[at_] == '-') ++at_;
    const bool zero = !at_end() && text_[at_] == '0';
    if (const size_t count = digits(); count == 0 || (zero && count > 1)) return false;
    if (!at_end() && text_[at_] == '.') {
      ++at_;
      if (digits() == 0) return false;
    }
    if (!at_end() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      ++at_;
      if (!at_end() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      if (digits() == 0) return false;
    }
    const std::string_view number = text_.substr(start, at_ - start);
    if (!is_exact_number(number)) return false;
    has_value_ = has_value_ || name == "value";
    item_.json.append("{\"N\":\"").append(number).append("\"}");
    return true;
  }

  const std::string_view text_;
  size_t at_ = 0, members_ = 0;
  std::array<std::string_view, kMembersMax> names_;
  bool has_value_ = false;
  Item item_;
};

int digits(std::string_view text, size_t at, size_t count) {
  int value = 0;
  for (size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}
bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }
int days_in(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[month - 1];
}
}  // namespace

std::string utc_timestamp(std::string_view t) {
  int year = digits(t, 0, 4), month = digits(t, 5, 2), day = digits(t, 8, 2),
      hour = digits(t, 11, 2), minute = digits(t, 14, 2);
  const int second = digits(t, 17, 2);
  if (t.size() < 20 || t[4] != '-' || t[7] != '-' || (t[10] != 'T' && t[10] != 't') ||
      t[13] != ':' || t[16] != ':')
    return {};
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour < 0 ||
      hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
    return {};
  size_t at = 19;
  if (t[at] == '.') {
    const size_t start = ++at;
    while (at < t.size() && t[at] >= '0' && t[at] <= '9') ++at;
    if (at == start) return {};
  }
  const std::string_view fraction = t.substr(19, at - 19);
  int offset = 0;
  const std::string_view zone = t.substr(at);
  if (zone != "Z" && zone != "z") {
    const int hours = digits(zone, 1, 2), minutes = digits(zone, 4, 2);
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || hours < 0 ||
        hours > 23 || minutes < 0 || minutes > 59)
      return {};
    offset = (zone[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
  }
  if (offset == 0)
    return std::string(t.substr(0, 10)) + "T" + std::string(t.substr(11, at - 11)) + "Z";
  int total = hour * 60 + minute - offset;  // within a day of today
  if (total < 0) {
    total += 1440;
    if (--day == 0) {
      if (--month == 0) {
        month = 12;
        --year;
      }
      day = year < 0 ? 31 : days_in(year, month);
    }
  }
  if (total >= 1440) {
    total -= 1440;
    if (++day > days_in(year, month)) {
      day = 1;
      if (++month == 13) {
        month = 1;
        ++year;
      }
    }
  }
  if (year < 0 || year > 9999) return {};
  hour = total / 60;
  minute = total % 60;
  char text[32];
  snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", year % 10000, month % 100, day % 100,
           hour % 100, minute % 100, second % 100);
  return text + std::string(fraction) + "Z";
}

bool is_exact_number(std::string_view text) {
  constexpr size_t kTextBytesMax = 512;
  constexpr int64_t kExponentMax = 100'000;
  if (text.size() > kTextBytesMax) return false;
  std::string significant;
  int64_t exponent = 0, point = -1;  // value = 0.significant * 10^point once leading zeros are gone
  size_t at = text.starts_with('-') ? 1 : 0;
  bool fraction = false;
  int64_t leading = 0, integer_digits = 0;
  for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    if (!fraction) ++integer_digits;
    if (significant.empty() && text[at] == '0') {
      ++leading;
      continue;
    }
    significant += text[at];
  }
  if (at < text.size()) {
    const std::string_view rest = text.substr(at + 1);
    const auto parsed = parse_int(rest.starts_with('+') ? rest.substr(1) : rest);
    if (!parsed || *parsed > kExponentMax || *parsed < -kExponentMax)
      return false;  // of zero, too: so the table sees it
    exponent = *parsed;
  }
  while (!significant.empty() && significant.back() == '0') significant.pop_back();
  if (significant.empty()) return true;  // zero
  if (significant.size() > 38) return false;
  point = integer_digits - leading + exponent;  // 1 has point 1; its magnitude is 10^(point-1)
  return point - 1 >= -130 && point - 1 <= 125;
}

std::variant<Item, Rejection> validate_in_full(std::string_view text) {
  if (!is_utf8(text)) return Rejection{"InvalidUtf8", "the record is not UTF-8"};
  json::parse_options options;
  options.max_depth = kDepthMax + 8;
  json::basic_parser<ItemBuilder> parser(options);
  json::error_code problem;
  const size_t used = parser.write_some(false, text.data(), text.size(), problem);
  ItemBuilder& b = parser.handler();
  if (!b.code.empty()) return Rejection{b.code, b.message};
  if (problem == json::error::too_deep)
    return Rejection{"TooDeep", "an item nests at most 32 levels"};
  if (problem == json::error::exponent_overflow)
    return Rejection{"InvalidNumber", "a number's exponent is too large for DynamoDB"};
  if (problem || !parser.done())
    return Rejection{"MalformedJson", "the record is not one JSON value (RFC 8259)"};
  if (used != text.size()) return Rejection{"MalformedJson", "there is text after the record"};
  if (!b.has_device) return Rejection{"MissingDeviceId", "the record has no device_id"};
  if (!b.has_time) return Rejection{"MissingTimestamp", "the record has no timestamp"};
  if (!b.has_value) return Rejection{"MissingValue", "the record has no value"};
  return Item{std::move(b.device_id), std::move(b.timestamp), std::move(b.out)};
}

std::variant<Item, Rejection> validate(std::string_view text) {
  if (auto item = PlainRecord(text).read()) return *std::move(item);
  return validate_in_full(text);
}

}  // namespace sluice::ingest
