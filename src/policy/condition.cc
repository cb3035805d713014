// SPDX-License-Identifier: Apache-2.0
#include "policy/condition.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstring>

#include "base/bytes.h"
#include "base/clock.h"
#include "policy/match.h"

namespace sluice::policy {
namespace {
std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}
std::optional<double> date(std::string_view text) {
  if (const auto epoch = number(text)) return *epoch * 1000;
  if (const auto time = parse_iso(text)) return static_cast<double>(*time);
  return std::nullopt;
}

struct Ip {
  int bits = 0;
  std::array<unsigned char, 16> bytes{};
};
std::optional<Ip> ip(std::string_view text) {
  Ip out;
  const std::string s(text);
  if (inet_pton(AF_INET, s.c_str(), out.bytes.data()) == 1) {
    out.bits = 32;
    return out;
  }
  if (inet_pton(AF_INET6, s.c_str(), out.bytes.data()) == 1) {
    out.bits = 128;
    return out;
  }
  return std::nullopt;
}
struct Network {
  Ip base;
  int64_t length = 0;
};
std::optional<Network> network(std::string_view text) {
  const size_t slash = text.find('/');
  auto base = ip(text.substr(0, slash));
  auto length = !base                ? std::nullopt
                : slash == text.npos ? std::optional<int64_t>(base->bits)
                                     : parse_int(text.substr(slash + 1));
  if (!length || *length < 0 || *length > base->bits) return std::nullopt;
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8: callers are known by the short form alone.
  static constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (base->bits == 128 && *length >= 96 &&
      std::equal(kMapped.begin(), kMapped.end(), base->bytes.begin())) {
    std::copy(base->bytes.begin() + 12, base->bytes.end(), base->bytes.begin());
    base->bits = 32;
    *length -= 96;
  }
  return Network{*base, *length};
}
std::optional<bool> in_network(std::string_view wanted, std::string_view address) {
  const auto net = network(wanted);
  const auto one = ip(address);
  if (!net || !one) return std::nullopt;
  if (net->base.bits != one->bits) return false;
  for (int64_t bit = 0; bit < net->length; ++bit) {
    const auto byte = static_cast<size_t>(bit / 8), shift = static_cast<size_t>(7 - bit % 8);
    if ((net->base.bytes[byte] >> shift & 1) != (one->bytes[byte] >> shift & 1)) return false;
  }
  return true;
}

using Parse = std::optional<double> (*)(std::string_view);
std::optional<bool> compare(std::string_view how, Parse parse, std::string_view wanted,
                            std::string_view actual) {
  const auto w = parse(wanted), a = parse(actual);
  if (!w || !a) return std::nullopt;
  if (how == "Equals") return *a == *w;
  if (how == "LessThan") return *a < *w;
  if (how == "LessThanEquals") return *a <= *w;
  if (how == "GreaterThan") return *a > *w;
  if (how == "GreaterThanEquals") return *a >= *w;
  return std::nullopt;
}

// One policy value against one request value, by the positive form of the operator. nullopt: they
// cannot be compared.
std::optional<bool> matches(std::string_view op, std::string_view wanted, std::string_view actual,
                            const Context& context, bool variables) {
  if (op == "Bool") return equals_ignore_case(wanted, actual);
  if (op == "BinaryEquals") {
    const auto w = unbase64(wanted), a = unbase64(actual);
    return w && a && *w == *a;
  }
  if (op == "IpAddress") return in_network(wanted, actual);
  if (op.starts_with("Numeric")) return compare(op.substr(7), number, wanted, actual);
  if (op.starts_with("Date")) return compare(op.substr(4), date, wanted, actual);
  const bool patterns = op == "StringLike" || op.starts_with("Arn");
  const auto pattern =
      substitute(wanted, context, variables, patterns ? Wildcards::match : Wildcards::plain);
  if (!pattern) return std::nullopt;
  if (op == "StringEqualsIgnoreCase") return glob_ignore_case(*pattern, actual);
  if (op.starts_with("Arn")) return arn_glob(*pattern, actual);
  return glob(*pattern, actual);
}

// "StringNotEquals" is the negation of "StringEquals".
std::optional<std::string> positive_of(std::string_view op) {
  static constexpr std::pair<std::string_view, std::string_view> kNegated[] = {
      {"StringNotEquals", "StringEquals"}, {"StringNotEqualsIgnoreCase", "StringEqualsIgnoreCase"},
      {"StringNotLike", "StringLike"},     {"NumericNotEquals", "NumericEquals"},
      {"DateNotEquals", "DateEquals"},     {"NotIpAddress", "IpAddress"},
      {"ArnNotEquals", "ArnEquals"},       {"ArnNotLike", "ArnLike"}};
  for (const auto& [negated, positive] : kNegated)
    if (op == negated) return std::string(positive);
  return std::nullopt;
}
}  // namespace

bool is_value(std::string_view op, std::string_view text) {
  const std::string positive = positive_of(op).value_or(std::string(op));
  if (positive.starts_with("Numeric")) return number(text).has_value();
  if (positive.starts_with("Date")) return date(text).has_value();
  if (positive == "IpAddress") return network(text).has_value();
  if (positive == "Bool" || positive == "Null")
    return equals_ignore_case(text, "true") || equals_ignore_case(text, "false");
  if (positive == "BinaryEquals") return unbase64(text).has_value();
  return true;
}

bool holds(const Condition& condition, const Context& context, bool variables, bool allow) {
  const Context::Values* found = context.find(condition.key);
  const bool present = found && !found->empty();
  if (condition.name == "Null")
    return !condition.values.empty() &&
           equals_ignore_case(condition.values[0], present ? "false" : "true");
  const auto positive = positive_of(condition.name);
  if (!present)
    return condition.if_exists || condition.set == Condition::Set::all ||
           (positive && condition.set == Condition::Set::one);
  const std::string op = positive.value_or(condition.name);
  const auto one_holds = [&](const std::string& actual) {
    bool any = false, incomparable = false;
    for (const std::string& wanted : condition.values) {
      const auto one = matches(op, wanted, actual, context, variables);
      any = any || one.value_or(false);
      incomparable = incomparable || !one;
    }
    if (incomparable && !any) return positive && !allow;
    return any != positive.has_value();
  };
  size_t count = 0;
  for (const std::string& actual : *found) count += one_holds(actual);
  // A single-valued operator on a key with several values: positive needs one match, negated needs
  // all to differ.
  if (condition.set == Condition::Set::any || (condition.set == Condition::Set::one && !positive))
    return count > 0;
  return count == found->size();
}

}  // namespace sluice::policy
