// SPDX-License-Identifier: Apache-2.0
// What holds of every decision, tried on random policies: it is that of a second, naive evaluator,
// and changes of the policies move it one way only.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "../../tests/fuzz/naive_policy.h"

namespace sluice::policy {
namespace {
constexpr int kCases = 20'000;

class Properties : public testing::Test {
 protected:
  // Calls fn with one random case after the other.
  void for_cases(const std::function<void(naive::Case&, naive::Choices&)>& fn) {
    for (int n = 0; n < kCases && !HasFailure(); ++n) {
      std::string bytes(400, '\0');
      for (char& byte : bytes) byte = static_cast<char>(random_());
      naive::Choices choices(bytes);
      naive::Case one = naive::random_case(choices);
      fn(one, choices);
    }
  }
  std::mt19937 random_{20261129};  // the same cases in each run
};

TEST_F(Properties, TheDecisionIsThatOfTheNaiveEvaluator) {
  std::map<Outcome, int> seen;
  for_cases([&](naive::Case& one, naive::Choices&) {
    const Decision decision = decide(one.question);
    ++seen[decision.outcome];
    EXPECT_EQ(decision.outcome, naive::decide(one))
        << json::serialize(json::value_from(one.identity)) << "\nresource "
        << json::serialize(json::value_from(one.resource)) << "\nboundary "
        << json::serialize(json::value_from(one.boundary)) << "\nsession "
        << json::serialize(json::value_from(one.session)) << "\n"
        << one.question.action << " " << one.question.resource;
    EXPECT_EQ(decision.allowed() || decision.outcome == Outcome::explicit_deny,
              !decision.statements.empty());
  });
  // The cases are of every kind, else the comparison says nothing.
  for (const Outcome outcome : {Outcome::allow, Outcome::implicit_deny, Outcome::explicit_deny})
    EXPECT_GT(seen[outcome], kCases / 50);
}

TEST_F(Properties, ADenyNeverAllowsAndAnAllowNeverTakesAway) {
  for_cases([&](naive::Case& one, naive::Choices& choices) {
    const bool before = decide(one.question).allowed();
    const Outcome outcome = decide(one.question).outcome;
    json::object statement = naive::random_statement(choices, false);
    const auto with = [&](const char* effect) {
      statement["Effect"] = effect;
      naive::Case more = one;
      more.identity.push_back({{"Version", "2012-10-17"}, {"Statement", json::array{statement}}});
      naive::settle(more);
      return decide(more.question);
    };
    EXPECT_FALSE(with("Deny").allowed() && !before);
    EXPECT_FALSE(before && !with("Allow").allowed());
    EXPECT_FALSE(outcome == Outcome::explicit_deny && with("Allow").outcome != outcome);
  });
}

TEST_F(Properties, ACeilingNeverAllowsAndTakingOneAwayNeverDenies) {
  for_cases([&](naive::Case& one, naive::Choices&) {
    const bool bounded = decide(one.question).allowed();
    one.question.policies.boundary.reset();
    const bool without_boundary = decide(one.question).allowed();
    one.question.policies.session.reset();
    const bool without_both = decide(one.question).allowed();
    EXPECT_LE(bounded, without_boundary);
    EXPECT_LE(without_boundary, without_both);
  });
}

TEST_F(Properties, TheOrderOfPoliciesAndStatementsIsIrrelevant) {
  for_cases([&](naive::Case& one, naive::Choices&) {
    const Outcome before = decide(one.question).outcome;
    for (auto* documents : {&one.identity, &one.boundary, &one.session, &one.resource}) {
      std::reverse(documents->begin(), documents->end());
      for (json::object& document : *documents) {
        json::array& statements = document.at("Statement").as_array();
        std::shuffle(statements.begin(), statements.end(), random_);
      }
    }
    naive::settle(one);
    EXPECT_EQ(decide(one.question).outcome, before);
  });
}

}  // namespace
}  // namespace sluice::policy
