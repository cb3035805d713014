// SPDX-License-Identifier: Apache-2.0
// Policy documents, conditions, patterns: whatever they hold, a question gets its answer, and
// patterns their meaning.
#include "fuzz.h"
#include "policy/condition.h"
#include "policy/decide.h"
#include "policy/match.h"

using namespace sluice;
namespace {
// The textbook matcher, exponential but right, for short texts.
bool glob_by_definition(std::string_view p, std::string_view t) {
  if (p.empty()) return t.empty();
  if (p[0] == '*')
    return glob_by_definition(p.substr(1), t) || (!t.empty() && glob_by_definition(p, t.substr(1)));
  return !t.empty() && (p[0] == '?' || p[0] == t[0]) &&
         glob_by_definition(p.substr(1), t.substr(1));
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto rest = fuzz::text(data, size);
  const auto first = fuzz::take(rest, "\n"), second = fuzz::take(rest, "\n");
  if (first.size() < 12 && second.size() < 12)
    MUST(policy::glob(*policy::substitute(first, policy::Context{}, false), second) ==
         glob_by_definition(first, second));
  (void)policy::glob_ignore_case(first, second);
  (void)policy::arn_glob(first, second);
  const policy::Pattern pattern{std::string(first)};
  MUST(pattern.glob(second) == policy::glob(first, second));
  MUST(pattern.arn_glob(second) == policy::arn_glob(first, second));
  MUST(pattern.could_match(second) || !policy::arn_glob(first, second));
  const policy::Context context{{"aws:username", {std::string(second)}},
                                {"aws:securetransport", {"true"}},
                                {"aws:sourceip", {"10.0.0.7"}},
                                {"aws:currenttime", {"2026-01-01T00:00:00Z"}},
                                {"s3:prefix", {"a/", "b*"}},
                                {"k", {std::string(first)}}};
  (void)policy::substitute(first, context, true);
  for (const auto kind :
       {policy::Kind::identity, policy::Kind::resource, policy::Kind::key, policy::Kind::trust}) {
    const auto document = policy::parse(rest, kind);
    if (!document) continue;
    (void)policy::is_public(**document);
    policy::Question question;
    question.principal = {policy::Principal::Type::assumed_role,
                          "arn:aws:sts::000000000000:assumed-role/r/s",
                          "arn:aws:iam::000000000000:role/r", "AROA", "000000000000"};
    question.action = "s3:GetObject";
    question.resource = "arn:aws:s3:::b/k";
    question.resource_account = "000000000000";
    question.context = context;
    if (kind == policy::Kind::identity)
      question.policies.identity = {{kind, "own", *document}};
    else
      question.policies.resource = {{kind, "arn:of:resource", *document}};
    const auto decision = policy::decide(question);
    if (!decision.allowed()) (void)policy::denied_text(question, decision, true);
    // A session's own policy never allows what is denied without it.
    if (kind == policy::Kind::identity) {
      policy::Question bounded = question;
      bounded.policies.session = {{policy::Kind::session, "session policy", *document}};
      MUST(!policy::decide(bounded).allowed() || decision.allowed());
    }
    // Beside a policy that does not parse nothing is allowed.
    question.policies.identity.push_back({policy::Kind::identity, "broken", nullptr});
    MUST(!policy::decide(question).allowed());
  }
  return 0;
}
