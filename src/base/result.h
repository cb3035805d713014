// SPDX-License-Identifier: Apache-2.0
#pragma once
// Result<T>: a value or an Error. A strict subset of std::expected (C++23), so that the day the
// compiler has it this file becomes one alias. What a client or the network can cause is a Result;
// exceptions are for bugs and exhausted machines.
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sluice {

// One failure a client may see. `code` is the AWS error code verbatim ("NoSuchKey").
struct Error {
  int status = 500;                                          // HTTP status, e.g. 404
  std::string code;                                          // AWS error code
  std::string message;                                       // for the client: never a secret
  std::vector<std::pair<std::string, std::string>> details;  // further elements: {"BucketName","b"}
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

// Nothing to return but success: Result<Done>.
struct Done {};

}  // namespace sluice

// TRY(auto item, parse(body)): declare `item` from the value, or return the Error from this
// function. A statement, so it can never sit inside a larger expression (there, GCC and clang
// leak).
#define TRY(declaration, expr) SLUICE_TRY_(declaration, expr, __COUNTER__)
#define SLUICE_TRY_(declaration, expr, n) SLUICE_TRY__(declaration, expr, n)
#define SLUICE_TRY__(declaration, expr, n)         \
  auto try_##n = (expr);                           \
  if (!try_##n) return std::move(try_##n).error(); \
  declaration = *std::move(try_##n)
// CHECK(validate(x)): return the Error from this function, or go on.
#define CHECK(expr)                                                      \
  do {                                                                   \
    if (auto check_ = (expr); !check_) return std::move(check_).error(); \
  } while (false)
