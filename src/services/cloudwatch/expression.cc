// SPDX-License-Identifier: Apache-2.0
#include "services/cloudwatch/expression.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "services/cloudwatch/wire.h"

namespace sluice::cloudwatch {
namespace {
constexpr int kDepthMax = 40;

struct Value {
  enum class Kind { number, series, list } kind = Kind::number;
  double number = 0;
  std::vector<Series> series;  // one, or those of the list
};
using Binary = double (*)(double, double);

Series with_number(const Series& a, double b, bool number_first, Binary op) {
  Series out;
  out.reserve(a.size());
  for (const auto& [time, value] : a)
    if (const double result = number_first ? op(b, value) : op(value, b); std::isfinite(result))
      out.emplace_back(time, result);
  return out;
}
Series joined(const Series& a, const Series& b, Binary op) {
  Series out;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i].first < b[j].first)
      ++i;
    else if (b[j].first < a[i].first)
      ++j;
    else {
      if (const double result = op(a[i].second, b[j].second); std::isfinite(result))
        out.emplace_back(a[i].first, result);
      ++i, ++j;
    }
  }
  return out;
}

class Parser {
 public:
  Parser(std::string_view text, const Lookup& lookup, size_t& budget)
      : text_(text), lookup_(lookup), budget_(budget) {}
  Result<Value> whole() {
    TRY(Value value, sum());
    skip();
    if (at_ != text_.size())
      return wrong("unexpected '" + std::string(text_.substr(at_, 10)) + "'");
    return value;
  }

 private:
  Error wrong(const std::string& why) const {
    return fault("ValidationError", "Error in expression '" + std::string(text_) + "': " + why);
  }
  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n'))
      ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Result<Done> spend(size_t points) {
    if (points > budget_)
      return wrong("it computes with too many data points; ask for a shorter time range");
    budget_ -= points;
    return Done{};
  }

  Result<Value> apply(const Value& a, const Value& b, Binary op) {
    using Kind = Value::Kind;
    if (a.kind == Kind::number && b.kind == Kind::number) {
      const double result = op(a.number, b.number);
      if (!std::isfinite(result)) return wrong("a number in it is not finite");
      return Value{Kind::number, result, {}};
    }
    if (a.kind == Kind::list && b.kind == Kind::list)
      return wrong("an operation on two lists is not implemented by Sluice");
    const bool list_first =
        a.kind == Kind::list || (a.kind == Kind::series && b.kind != Kind::list);
    const Value& many = list_first ? a : b;
    const Value& other = list_first ? b : a;
    Value out{many.kind, 0, {}};
    for (const Series& one : many.series) {
      CHECK(spend(one.size() + 1));
      if (other.kind == Kind::number)
        out.series.push_back(with_number(one, other.number, !list_first, op));
      else
        out.series.push_back(list_first ? joined(one, other.series[0], op)
                                        : joined(other.series[0], one, op));
    }
    return out;
  }
  Result<Value> sum() {
    if (++depth_ > kDepthMax) return wrong("it is nested too deeply");
    TRY(Value left, product());
    for (;;) {
      const bool plus = take('+');
      if (!plus && !take('-')) break;
      TRY(const Value right, product());
      TRY(left, apply(left, right,
                      plus ? Binary([](double x, double y) { return x + y; })
                           : Binary([](double x, double y) { return x - y; })));
    }
    --depth_;
    return left;
  }
  Result<Value> product() {
    TRY(Value left, primary());
    for (;;) {
      const bool times = take('*');
      if (!times && !take('/')) return left;
      TRY(const Value right, primary());
      TRY(left, apply(left, right,
                      times ? Binary([](double x, double y) { return x * y; })
                            : Binary([](double x, double y) { return x / y; })));
    }
  }
  Result<Value> primary() {
    bool negative = false;
    while (take('-')) negative = !negative;
    TRY(Value value, operand());
    if (!negative) return value;
    return apply(Value{Value::Kind::number, -1, {}}, value,
                 [](double x, double y) { return x * y; });
  }
  Result<Value> operand() {
    if (take('(')) {
      TRY(Value inner, sum());
      if (!take(')')) return wrong("a ')' is missing");
      return inner;
    }
    if (take('[')) return list();
    skip();
    const size_t from = at_;
    const auto is = [&](std::string_view more) {
      return at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) ||
                                    more.find(text_[at_]) != more.npos);
    };
    if (at_ < text_.size() &&
        (std::isdigit(static_cast<unsigned char>(text_[at_])) || text_[at_] == '.')) {
      double number = 0;
      const auto [end, error] =
          std::from_chars(text_.data() + at_, text_.data() + text_.size(), number);
      if (error != std::errc()) return wrong("a number in it is malformed");
      at_ = static_cast<size_t>(end - text_.data());
      return Value{Value::Kind::number, number, {}};
    }
    while (is("_")) ++at_;
    const std::string name(text_.substr(from, at_ - from));
    if (name.empty()) return wrong("something is missing at its position " + std::to_string(from));
    if (take('(')) return call(name);
    if (std::isupper(static_cast<unsigned char>(name[0])))
      return wrong(name + " is not implemented by Sluice");
    TRY(Series series, lookup_.series(name));
    Value value{Value::Kind::series, 0, {}};
    value.series.push_back(std::move(series));
    return value;
  }
  Result<Value> list() {
    Value out{Value::Kind::list, 0, {}};
    do {
      TRY(Value one, sum());
      if (one.kind == Value::Kind::number) return wrong("a list holds time series");
      for (Series& series : one.series) {
        CHECK(spend(series.size()));
        out.series.push_back(std::move(series));
      }
    } while (take(','));
    if (!take(']')) return wrong("a ']' is missing");
    return out;
  }
  Result<Value> call(const std::string& name) {
    static const std::map<std::string, Binary, std::less<>> kFold = {
        {"SUM", [](double x, double y) { return x + y; }},
        {"AVG", [](double x, double y) { return x + y; }},
        {"MIN", [](double x, double y) { return std::min(x, y); }},
        {"MAX", [](double x, double y) { return std::max(x, y); }}};
    static const std::map<std::string, Binary, std::less<>> kEach = {
        {"ABS", [](double x, double) { return std::abs(x); }},
        {"CEIL", [](double x, double) { return std::ceil(x); }},
        {"FLOOR", [](double x, double) { return std::floor(x); }}};
    if (name == "METRICS") {
      if (!take(')')) return wrong("METRICS with an argument is not implemented by Sluice");
      TRY(std::vector<Series> all, lookup_.metrics());
      for (const Series& one : all) CHECK(spend(one.size()));
      return Value{Value::Kind::list, 0, std::move(all)};
    }
    const auto fold = kFold.find(name), each = kEach.find(name);
    if (fold == kFold.end() && each == kEach.end())
      return wrong(
          "the function " + name +
          " is not implemented by Sluice; it has ABS, AVG, CEIL, FLOOR, MAX, METRICS, MIN and SUM");
    TRY(const Value argument, sum());
    if (!take(')')) return wrong("a ')' is missing after the argument of " + name);
    if (each != kEach.end())
      return apply(argument, Value{Value::Kind::number, 0, {}}, each->second);
    return folded(argument, fold->second, name == "AVG");
  }
  Result<Value> folded(const Value& argument, Binary op, bool average) {
    if (argument.kind == Value::Kind::number) return wrong("a number has no statistic");
    size_t points = 0;
    for (const Series& one : argument.series) points += one.size();
    CHECK(spend(points));
    if (argument.kind == Value::Kind::list) {
      std::map<int64_t, std::pair<double, double>>
          at;  // value, count: a time that one of them has is enough
      for (const Series& one : argument.series)
        for (const auto& [time, value] : one) {
          const auto [it, fresh] = at.try_emplace(time, value, 1);
          if (!fresh) it->second = {op(it->second.first, value), it->second.second + 1};
        }
      Value out{Value::Kind::series, 0, {{}}};
      for (const auto& [time, entry] : at)
        out.series[0].emplace_back(time, average ? entry.first / entry.second : entry.first);
      return out;
    }
    const Series& one = argument.series[0];
    if (one.empty()) return Value{Value::Kind::series, 0, {{}}};  // of nothing there is nothing
    double result = one[0].second;
    for (size_t i = 1; i < one.size(); ++i) result = op(result, one[i].second);
    return Value{
        Value::Kind::number, average ? result / static_cast<double>(one.size()) : result, {}};
  }

  const std::string_view text_;
  const Lookup& lookup_;
  size_t& budget_;
  size_t at_ = 0;
  int depth_ = 0;
};
}  // namespace

Result<Series> evaluate(std::string_view expression, const Lookup& lookup, size_t& budget) {
  TRY(Value value, Parser(expression, lookup, budget).whole());
  if (value.kind == Value::Kind::number || value.series.size() != 1)
    return fault(
        "ValidationError",
        "Error in expression '" + std::string(expression) +
            "': it must give one time series; Sluice does not implement expressions that give " +
            (value.kind == Value::Kind::number ? "a number." : "several."));
  return std::move(value.series[0]);
}

}  // namespace sluice::cloudwatch
