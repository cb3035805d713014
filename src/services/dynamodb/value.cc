// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/value.h"

#include <algorithm>
#include <map>

#include "base/bytes.h"

namespace sluice::dynamodb {
namespace {
// sign * 0.digits * 10^exponent, digits without leading and trailing zeros; zero has none.
struct Decimal {
  bool negative = false;
  std::string digits;
  int64_t exponent = 0;
};

std::optional<Decimal> parse_decimal(std::string_view text) {
  Decimal d;
  size_t i = 0;
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) d.negative = text[i++] == '-';
  bool any = false, point = false;
  for (; i < text.size() && ((text[i] >= '0' && text[i] <= '9') || (text[i] == '.' && !point));
       ++i) {
    if (text[i] == '.') {
      point = true;
      continue;
    }
    any = true;
    if (!point) ++d.exponent;
    d.digits += text[i];
  }
  if (!any) return std::nullopt;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    std::string_view power = text.substr(i + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    const auto value = parse_int(power);
    if (!value || *value > 100000 || *value < -100000) return std::nullopt;
    d.exponent += *value;
    i = text.size();
  }
  if (i != text.size()) return std::nullopt;
  const size_t first = d.digits.find_first_not_of('0');
  if (first == std::string::npos) return Decimal{};
  d.exponent -= static_cast<int64_t>(first);
  d.digits = d.digits.substr(first, d.digits.find_last_not_of('0') - first + 1);
  return d;
}

std::string key_name(const json::value& value) {
  return value.is_object() && value.get_object().size() == 1
             ? std::string(value.get_object().begin()->key())
             : std::string();
}

// For a message, in bounded length.
std::string shown_members(const json::array& members) {
  std::string shown;
  for (const json::value& one : members) {
    if (shown.size() > 1024) break;
    shown += (shown.empty() ? "" : ", ") +
             (one.is_string() ? std::string(one.get_string()) : json::serialize(one));
  }
  return shown.substr(0, 1024);
}

Result<Done> check_set(std::string_view type, json::value& inner) {
  if (!inner.is_array()) return Error{400, "SerializationException", "Expected a list", {}};
  if (inner.get_array().empty())
    return validation(
        type == "SS" ? "One or more parameter values were invalid: An string set  may not be empty"
        : type == "NS"
            ? "One or more parameter values were invalid: An number set  may not be empty"
            : "One or more parameter values were invalid: Binary sets should not be empty");
  const std::string shown = shown_members(inner.get_array());
  for (json::value& one : inner.get_array()) {
    if (!one.is_string())
      return Error{400, "SerializationException", "Expected a string in a set", {}};
    if (type == "NS") {
      TRY(const std::string number, canonical_number(std::string_view(one.get_string())));
      one = number;
    }
    if (type == "BS" && !unbase64(std::string_view(one.get_string())))
      return Error{400, "SerializationException", "Invalid base64", {}};
  }
  if (!sort_set(inner.get_array(), type))
    return validation("One or more parameter values were invalid: Input collection [" + shown +
                      "]" + (type == "BS" ? "of type BS" : "") + " contains duplicates.");
  return Done{};
}
constexpr const char* kOverflow =
    "Number overflow. Attempting to store a number with magnitude larger than supported range";
// The decimal in plain notation.
Result<std::string> plain(const Decimal& number) {
  const Decimal* d = &number;
  if (d->digits.empty()) return std::string("0");
  if (d->exponent > 126) return validation(kOverflow);
  if (d->exponent < -129)
    return validation(
        "Number underflow. Attempting to store a number with magnitude smaller than supported "
        "range");
  std::string out = d->negative ? "-" : "";
  if (d->exponent <= 0)
    return out + "0." + std::string(static_cast<size_t>(-d->exponent), '0') + d->digits;
  const auto whole = static_cast<size_t>(d->exponent);
  if (whole >= d->digits.size())
    return out + d->digits + std::string(whole - d->digits.size(), '0');
  return out + d->digits.substr(0, whole) + "." + d->digits.substr(whole);
}

// Whole numbers as digits of one length: the larger one comes first where they are subtracted.
std::string sum_of(const std::string& a, const std::string& b, bool subtract) {
  std::string out(a.size(), '0');
  int carry = 0;
  for (size_t i = a.size(); i-- > 0;) {
    const int right = b[i] - '0' + carry;
    const int digit = a[i] - '0' + (subtract ? -right : right);
    carry = digit < 0 || digit > 9;
    out[i] = static_cast<char>('0' + (digit + 10) % 10);
  }
  return carry ? "1" + out : out;
}
Decimal sum_of(const Decimal& a, const Decimal& b) {
  const auto last = [](const Decimal& d) {  // the power of ten of its last digit
    return d.exponent - static_cast<int64_t>(d.digits.size());
  };
  const int64_t least = std::min(last(a), last(b));
  const auto length = static_cast<size_t>(std::max(a.exponent, b.exponent) - least);
  const auto aligned = [&](const Decimal& d) {
    const std::string digits = d.digits + std::string(static_cast<size_t>(last(d) - least), '0');
    return std::string(length - digits.size(), '0') + digits;
  };
  std::string x = aligned(a), y = aligned(b);
  const bool subtract = a.negative != b.negative, swap = subtract && x < y;
  if (swap) std::swap(x, y);
  const std::string digits = sum_of(x, y, subtract);
  const size_t first = digits.find_first_not_of('0');
  if (first == std::string::npos) return {};
  return {swap ? b.negative : a.negative,
          digits.substr(first, digits.find_last_not_of('0') - first + 1),
          least + static_cast<int64_t>(digits.size() - first)};
}
}  // namespace

namespace {
// Whether this is a canonical number already, as most are. Those of more than 38 digits with the
// zeros before and behind them are looked at more closely.
bool is_short_canonical(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point),
                         fraction = text.substr(std::min(point + 1, text.size()));
  const auto digits = [](std::string_view part) {
    return std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  return !whole.empty() && (whole == "0" || whole.front() != '0') && digits(whole) &&
         digits(fraction) && whole.size() + fraction.size() <= kDigitsMax &&
         (point == text.size() ? text != "0" || !negative
                               : !fraction.empty() && fraction.back() != '0');
}
}  // namespace
Result<std::string> canonical_number(std::string_view text) {
  if (is_short_canonical(text)) return std::string(text);
  const auto d = text.size() <= 512 ? parse_decimal(text) : std::nullopt;
  if (!d)
    return validation("The parameter cannot be converted to a numeric value" +
                      (text.empty() ? "" : ": " + std::string(text.substr(0, 64))));
  if (d->digits.size() > kDigitsMax)
    return validation("Attempting to store more than 38 significant digits in a Number");
  return plain(*d);
}
// AWS says of a sum of too many digits that it overflows.
Result<std::string> add_numbers(std::string_view a, std::string_view b, bool subtract) {
  const Decimal left = parse_decimal(a).value_or(Decimal{});
  Decimal right = parse_decimal(b).value_or(Decimal{});
  right.negative = right.negative != subtract;
  if (left.digits.empty()) return plain(right);
  if (right.digits.empty()) return plain(left);
  const Decimal sum = sum_of(left, right);
  if (sum.digits.size() > kDigitsMax) return validation(kOverflow);
  return plain(sum);
}
std::string member_key(std::string_view type, std::string_view member) {
  return type == "NS"   ? sortable_number(member)
         : type == "BS" ? unbase64(member).value_or("")
                        : std::string(member);
}
bool sort_set(json::array& members, std::string_view type) {
  std::map<std::string, json::value> sorted;
  for (json::value& one : members)
    if (!sorted.emplace(member_key(type, std::string_view(one.get_string())), one).second)
      return false;
  size_t at = 0;
  for (auto& [key, member] : sorted) members[at++] = std::move(member);
  return true;
}

std::string sortable_number(std::string_view canonical) {
  const Decimal d = parse_decimal(canonical).value_or(Decimal{});
  if (d.digits.empty()) return "1";
  std::string out = "2";
  out += static_cast<char>(d.exponent + 129);  // -129..126 -> 0..255
  out += d.digits;
  if (!d.negative) return out;
  out[0] = '0';
  for (size_t i = 1; i < out.size(); ++i) out[i] = static_cast<char>(~out[i]);
  return out + '\xff';  // a shorter negative number is the greater one
}
int compare_numbers(std::string_view a, std::string_view b) {
  const std::string x = sortable_number(a), y = sortable_number(b);
  return x < y ? -1 : x > y ? 1 : 0;
}

namespace {
Result<Done> check_name(std::string_view name) {
  if (name.size() <= kNameBytesMax) return Done{};
  return validation(
      "One or more parameter values were invalid: Attribute name is too large, must be less than "
      "65536 bytes");
}
}  // namespace
Result<Done> check_value(json::value& value, size_t depth) {
  if (!value.is_object()) return Error{400, "SerializationException", "Unexpected field type", {}};
  if (value.get_object().empty())
    return validation(
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
  if (value.get_object().size() > 1)
    return validation(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
        "supported datatypes");
  if (depth > kNestingMax) return validation("Nesting Levels have exceeded supported limits");
  const std::string type = key_name(value);
  json::value& inner = value.get_object().begin()->value();
  if (type == "S" || type == "N" || type == "B") {
    if (!inner.is_string())
      return Error{400,
                   "SerializationException",
                   (inner.is_number() ? "NUMBER_VALUE" : "Value") +
                       std::string(" cannot be converted to String"),
                   {}};
    if (type == "N") {
      TRY(const std::string number, canonical_number(std::string_view(inner.get_string())));
      if (inner.get_string() != number) inner = number;
    }
    if (type == "B" && !unbase64(std::string_view(inner.get_string())))
      return Error{400, "SerializationException", "Invalid base64", {}};
    return Done{};
  }
  if (type == "BOOL")
    return inner.is_bool() ? Result<Done>(Done{})
                           : Error{400, "SerializationException", "BOOL must be a boolean", {}};
  if (type == "NULL") {
    if (!inner.is_bool()) return Error{400, "SerializationException", "NULL must be a boolean", {}};
    inner = true;  // whatever was said: AWS takes false, too
    return Done{};
  }
  if (type == "SS" || type == "NS" || type == "BS") return check_set(type, inner);
  if (type == "L" && inner.is_array()) {
    for (json::value& one : inner.get_array()) CHECK(check_value(one, depth + 1));
    return Done{};
  }
  if (type == "M" && inner.is_object()) {
    for (auto& member : inner.get_object()) {
      CHECK(check_name(member.key()));
      CHECK(check_value(member.value(), depth + 1));
    }
    return Done{};
  }
  return validation(
      "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
}

// Two digits take a byte, on each side of the point by themselves. Zeros before the first and
// behind the last other digit take none.
size_t number_bytes(std::string_view canonical) {
  const bool negative = canonical.starts_with('-');
  if (negative) canonical.remove_prefix(1);
  constexpr std::string_view kNotZero = "123456789";
  const size_t first = canonical.find_first_of(kNotZero);
  if (first == canonical.npos) return 1;
  const size_t end = canonical.find_last_of(kNotZero) + 1;
  const size_t point = std::min(canonical.find('.'), canonical.size());
  const size_t whole = first < point ? std::min(end, point) - first : 0;
  const size_t fraction = end > point ? end - std::max(point + 1, first) : 0;
  return (whole + 1) / 2 + (fraction + 1) / 2 + 1 + negative;
}
size_t value_bytes(const json::value& value) {
  const std::string type = key_name(value);
  if (type.empty()) return 0;
  const json::value& inner = value.get_object().begin()->value();
  if (type == "S") return inner.get_string().size();
  if (type == "N") return number_bytes(std::string_view(inner.get_string()));
  if (type == "B") return inner.get_string().size() / 4 * 3;
  if (type == "BOOL" || type == "NULL") return 1;
  size_t total = 3;
  if (type == "M") {
    for (const auto& [name, member] : inner.get_object())
      total += 1 + name.size() + value_bytes(member);
    return total;
  }
  if (type != "L") total = 0;
  for (const json::value& one : inner.get_array())
    total += type == "L"    ? 1 + value_bytes(one)
             : type == "NS" ? number_bytes(std::string_view(one.get_string()))
             : type == "BS" ? one.get_string().size() / 4 * 3
                            : one.get_string().size();
  return total;
}
size_t item_bytes(const json::object& item) {
  size_t total = 0;
  for (const auto& [name, value] : item) total += name.size() + value_bytes(value);
  return total;
}
Result<Done> one_of(const json::object& body, std::string_view name,
                    std::initializer_list<std::string_view> values) {
  TRY(const auto text, Fields(body).text(name));
  if (!text || std::find(values.begin(), values.end(), *text) != values.end()) return Done{};
  std::string member(name), all;
  member[0] = static_cast<char>(member[0] | 0x20);
  for (const auto value : values) all += (all.empty() ? "" : ", ") + std::string(value);
  return validation(
      "1 validation error detected: Value '" + text->substr(0, 255) + "' at '" + member +
      "' failed to satisfy constraint: Member must satisfy enum value set: [" + all + "]");
}

Result<Done> check_item(json::object& item) {
  for (auto& attribute : item) {
    CHECK(check_name(attribute.key()));
    CHECK(check_value(attribute.value()));
  }
  if (item_bytes(item) > kItemBytesMax)
    return validation("Item size has exceeded the maximum allowed size");
  return Done{};
}

std::string type_of(const json::value& value) { return key_name(value); }
std::string sortable(const json::value& value) {
  const std::string type = key_name(value);
  const std::string_view text(value.get_object().begin()->value().get_string());
  return type == "N"   ? sortable_number(text)
         : type == "B" ? unbase64(text).value_or("")
                       : std::string(text);
}
bool equal_values(const json::value& a, const json::value& b) {
  const std::string type = type_of(a);
  if (type != type_of(b)) return false;
  if (type != "SS" && type != "NS" && type != "BS") return a == b;
  const auto count = [](const json::value& set) {
    return set.get_object().begin()->value().get_array().size();
  };
  if (count(a) != count(b)) return false;
  auto x = a.get_object().begin()->value().get_array(),
       y = b.get_object().begin()->value().get_array();
  const auto less = [](const json::value& l, const json::value& r) {
    return l.get_string() < r.get_string();
  };
  std::sort(x.begin(), x.end(), less);
  std::sort(y.begin(), y.end(), less);
  return x == y;
}
std::optional<int> compare_values(const json::value& a, const json::value& b) {
  const std::string type = type_of(a);
  if (type != type_of(b) || (type != "S" && type != "N" && type != "B")) return std::nullopt;
  if (type == "S") {
    const int order = a.get_object().begin()->value().get_string().compare(
        b.get_object().begin()->value().get_string());
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  const std::string l = sortable(a), r = sortable(b);
  return l < r ? -1 : l > r ? 1 : 0;
}

}  // namespace sluice::dynamodb
