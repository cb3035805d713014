// SPDX-License-Identifier: Apache-2.0
#pragma once
// Result<T>: a value, or an Error. What a client or the network can cause is a Result; exceptions
// are for bugs and for machines that have no memory or disk left. It is a strict subset of
// std::expected (C++23), so that this file becomes one alias when the compiler has that.
//
//   Result<In> parse(const Request& request) {
//     TRY(const json::object body, parse_json_object(request.body));   // or returns its Error
//     if (body.empty()) return Error{400, "ValidationException", "...", {}};
//     return In{body};
//   }
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sluice {

// A failure that a client may see.
struct Error {
  int status = 500;     // the HTTP status, for example 404
  std::string code;     // AWS's code, as AWS writes it: "NoSuchKey"
  std::string message;  // the client sees it, so never a secret
  // What else the answer has: {"BucketName", "b"}.
  std::vector<std::pair<std::string, std::string>> details;
};

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }
  const Error& error() const& { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

// For functions that return nothing but success: Result<Done>.
struct Done {};

}  // namespace sluice

// TRY(auto item, parse(body)): declares `item` from the value, or returns the Error from this
// function. It is a statement, because inside a larger expression GCC and clang would leak.
#define TRY(declaration, expr) SLUICE_TRY_(declaration, expr, __COUNTER__)
#define SLUICE_TRY_(declaration, expr, n) SLUICE_TRY__(declaration, expr, n)
#define SLUICE_TRY__(declaration, expr, n)         \
  auto try_##n = (expr);                           \
  if (!try_##n) return std::move(try_##n).error(); \
  declaration = *std::move(try_##n)
// CHECK(validate(x)): returns the Error from this function, or goes on.
#define CHECK(expr)                                                      \
  do {                                                                   \
    if (auto check_ = (expr); !check_) return std::move(check_).error(); \
  } while (false)
