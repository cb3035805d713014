// SPDX-License-Identifier: Apache-2.0
#pragma once
// GetAccountSettings: the limits of the account, and how much of them its functions use.
// https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html
//
//   constexpr auto rows = table<GetAccountSettings>();   // invoke.cc
#include "services/lambda/model.h"

namespace sluice::lambda {

struct GetAccountSettings {
  static constexpr std::string_view name = "GetAccountSettings",
                                    action = "lambda:GetAccountSettings";
  static constexpr Match match{"GET", "/2016-08-19/account-settings", "", ""};
  struct In {};
  using Out = JsonOut;
  static Result<In> parse(const Request&) { return In{}; }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out) { return render_out(out); }
};

}  // namespace sluice::lambda
