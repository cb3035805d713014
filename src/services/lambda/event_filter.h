// SPDX-License-Identifier: Apache-2.0
#pragma once
// Filters of an event source mapping: which records of the source its function gets. A pattern
// follows the form of the record and has lists of rules at its ends. Source: Lambda Developer
// Guide, "Control which events Lambda sends to your function", filter rule syntax.
//
//   TRY(const EventFilter filter, EventFilter::parse(R"({"eventName": ["INSERT"]})"));
//   if (filter.matches(record)) deliver(record);
//
// Rules: a text, a number, true, false or null, which must be equal; {"prefix": text}, {"suffix":
// text}, {"equals-ignore-case": text}, {"anything-but": value, list, or one of those three},
// {"numeric": [">", 0, "<=", 5]}, {"exists": true or false}, and {"$or": [pattern, ...]} in place
// of a pattern. One rule of a list must hold, and every member of a pattern.
#include "base/json.h"

namespace sluice::lambda {

constexpr size_t kFiltersMax = 5, kPatternBytesMax = 4096, kPatternDepthMax = 16;

class EventFilter {
 public:
  // Errors: InvalidParameterValueException, which says what is wrong with the pattern.
  static Result<EventFilter> parse(const std::string& pattern);
  bool matches(const json::value& record) const;

 private:
  explicit EventFilter(json::object pattern) : pattern_(std::move(pattern)) {}
  json::object pattern_;  // checked
};

}  // namespace sluice::lambda
