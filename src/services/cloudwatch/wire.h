// SPDX-License-Identifier: Apache-2.0
#pragma once
// One set of operations in two protocols: reads the members of a request from JSON or from a form,
// and writes an answer as JSON or XML.
//
//   TRY(const Members members, Members::of(request));
//   TRY(const std::string space, members.required_text("Namespace"));
//   return Out{members.form(), {{"Metrics", metrics}}};
#include "request/ports.h"

namespace sluice::cloudwatch {

// `code` is that of the query protocol ("InvalidParameterValue"). JSON gets the name of the shape,
// and the code in x-amzn-query-error.
Error fault(std::string_view code, std::string message);
inline Error invalid(std::string message) {
  return fault("InvalidParameterValue", std::move(message));
}

// The members of a structure. In a form every value is a text, a list is X.member.N, and a time is
// in ISO 8601. In JSON a time is in epoch seconds. Errors when a value has the wrong type:
// InvalidParameterValue in a form, SerializationException in JSON.
class Members {
 public:
  Members(json::object object, bool form, std::string where = {})
      : object_(std::move(object)), form_(form), where_(std::move(where)) {}
  static Result<Members> of(const Request& request);
  bool form() const { return form_; }
  bool has(std::string_view name) const { return find(name) != nullptr; }
  // "MetricData.member.1.Value", for messages.
  std::string where(std::string_view name) const { return where_ + std::string(name); }
  Result<std::optional<std::string>> text(std::string_view name) const;
  // Errors: MissingParameter when it is absent.
  Result<std::string> required_text(std::string_view name) const;
  Result<std::optional<double>> number(std::string_view name) const;
  Result<std::optional<int64_t>> integer(std::string_view name) const;
  Result<std::optional<bool>> boolean(std::string_view name) const;
  Result<std::optional<Time>> time(std::string_view name) const;
  Result<std::vector<std::string>> texts(std::string_view name) const;
  Result<std::vector<double>> numbers(std::string_view name, size_t count_max) const;
  Result<std::optional<Members>> structure(std::string_view name) const;
  Result<std::vector<Members>> structures(std::string_view name, size_t count_max) const;

 private:
  const json::value* find(std::string_view name) const;
  Result<json::array> list(std::string_view name, size_t count_max) const;
  Result<double> number_of(const json::value& value, const std::string& where) const;
  Error wrong_type(const std::string& where, std::string_view wanted) const;
  json::object object_;
  bool form_;
  std::string where_;
};
// Makes {"A": {"B": ["x"]}} of A.B.member.1=x.
Result<json::object> object_of_form(const std::vector<std::pair<std::string, std::string>>& fields);

struct Out {
  bool form = false;
  json::object body;
};
// Members with names that end in Timestamp or Timestamps have epoch seconds, which XML shows in ISO
// 8601. In XML a list is several <member>, and ExtendedStatistics is a map.
Response render_out(const Out& out);

}  // namespace sluice::cloudwatch
