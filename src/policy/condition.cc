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

std::optional<bool> compare(Operator::Order order, std::optional<double> wanted,
                            std::optional<double> actual) {
  if (!wanted || !actual) return std::nullopt;
  switch (order) {
    case Operator::Order::equal: return *actual == *wanted;
    case Operator::Order::less: return *actual < *wanted;
    case Operator::Order::less_or_equal: return *actual <= *wanted;
    case Operator::Order::greater: return *actual > *wanted;
    case Operator::Order::greater_or_equal: return *actual >= *wanted;
  }
  return std::nullopt;
}

// One policy value against one request value, without regard to `negated`. nullopt: they cannot be
// compared.
std::optional<bool> matches(const Operator& op, std::string_view wanted, std::string_view actual,
                            const Keys& keys, bool variables) {
  using enum Operator::Compares;
  switch (op.compares) {
    case truth: return equals_ignore_case(wanted, actual);
    case bytes: {
      const auto w = unbase64(wanted), a = unbase64(actual);
      return w && a && *w == *a;
    }
    case networks: return in_network(wanted, actual);
    case numbers: return compare(op.order, number(wanted), number(actual));
    case dates: return compare(op.order, date(wanted), date(actual));
    case text:
      if (is_plain(wanted, variables)) return wanted == actual;
      break;
    case text_ignoring_case:
      if (is_plain(wanted, variables)) return equals_ignore_case(wanted, actual);
      break;
    case like:
      if (is_plain(wanted, variables)) return glob(wanted, actual);
      break;
    case arn:
      if (is_plain(wanted, variables)) return arn_glob(wanted, actual);
      break;
    case presence: return std::nullopt;  // it compares nothing
  }
  const bool patterns = op.compares == like || op.compares == arn;
  const auto pattern =
      substitute(wanted, keys, variables, patterns ? Wildcards::match : Wildcards::plain);
  if (!pattern) return std::nullopt;
  if (op.compares == text_ignoring_case) return glob_ignore_case(*pattern, actual);
  return op.compares == arn ? arn_glob(*pattern, actual) : glob(*pattern, actual);
}

struct Named {
  std::string_view name;
  Operator op;
};
using enum Operator::Compares;
constexpr bool kNegated = true;
constexpr Named kOperators[] = {
    {"StringEquals", {text}},
    {"StringNotEquals", {text, kNegated}},
    {"StringEqualsIgnoreCase", {text_ignoring_case}},
    {"StringNotEqualsIgnoreCase", {text_ignoring_case, kNegated}},
    {"StringLike", {like}},
    {"StringNotLike", {like, kNegated}},
    {"NumericEquals", {numbers}},
    {"NumericNotEquals", {numbers, kNegated}},
    {"NumericLessThan", {numbers, false, Operator::Order::less}},
    {"NumericLessThanEquals", {numbers, false, Operator::Order::less_or_equal}},
    {"NumericGreaterThan", {numbers, false, Operator::Order::greater}},
    {"NumericGreaterThanEquals", {numbers, false, Operator::Order::greater_or_equal}},
    {"DateEquals", {dates}},
    {"DateNotEquals", {dates, kNegated}},
    {"DateLessThan", {dates, false, Operator::Order::less}},
    {"DateLessThanEquals", {dates, false, Operator::Order::less_or_equal}},
    {"DateGreaterThan", {dates, false, Operator::Order::greater}},
    {"DateGreaterThanEquals", {dates, false, Operator::Order::greater_or_equal}},
    {"Bool", {truth}},
    {"BinaryEquals", {bytes}},
    {"IpAddress", {networks}},
    {"NotIpAddress", {networks, kNegated}},
    {"ArnEquals", {arn}},
    {"ArnLike", {arn}},
    {"ArnNotEquals", {arn, kNegated}},
    {"ArnNotLike", {arn, kNegated}},
    {"Null", {presence}},
};
}  // namespace

std::optional<Operator> operator_named(std::string_view name) {
  for (const Named& one : kOperators)
    if (one.name == name) return one.op;
  return std::nullopt;
}

bool is_value(const Operator& op, std::string_view value) {
  switch (op.compares) {
    case numbers: return number(value).has_value();
    case dates: return date(value).has_value();
    case networks: return network(value).has_value();
    case truth:
    case presence: return equals_ignore_case(value, "true") || equals_ignore_case(value, "false");
    case bytes: return unbase64(value).has_value();
    case text:
    case text_ignoring_case:
    case like:
    case arn: return true;
  }
  return false;
}

bool holds(const Condition& condition, std::optional<std::span<const std::string>> actual,
           const Keys& keys, bool variables, bool allow) {
  const bool present = actual && !actual->empty();
  const Operator& op = condition.op;
  if (op.compares == presence)
    return !condition.values.empty() &&
           equals_ignore_case(condition.values[0], present ? "false" : "true");
  if (!present)
    return condition.if_exists || condition.set == Condition::Set::all ||
           (op.negated && condition.set == Condition::Set::one);
  const auto one_holds = [&](const std::string& one) {
    bool incomparable = false;
    for (const std::string& wanted : condition.values) {
      const auto match = matches(op, wanted, one, keys, variables);
      if (match.value_or(false)) return !op.negated;
      incomparable = incomparable || !match;
    }
    return op.negated && !(incomparable && allow);
  };
  size_t count = 0;
  for (const std::string& one : *actual) count += one_holds(one);
  // A single-valued operator on a key with several values: positive needs one match, negated needs
  // all to differ.
  if (condition.set == Condition::Set::any || (condition.set == Condition::Set::one && !op.negated))
    return count > 0;
  return count == actual->size();
}

}  // namespace sluice::policy
