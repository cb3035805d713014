// SPDX-License-Identifier: Apache-2.0
#pragma once
// The decision of IAM: may this principal do this action on this resource? An explicit deny wins.
// Without an allow the answer is no, and a policy that does not parse denies. What a permissions
// boundary or a session's own policy does not allow its role cannot give it; only a resource policy
// that names the session itself, or everybody, can. Sources: IAM User Guide, "Policy evaluation
// logic" and "Policy evaluation within a single account"; KMS Developer Guide, "Troubleshooting key
// access".
//
//   Question question{principal, "s3:GetObject", "arn:aws:s3:::bucket/key", context, account};
//   question.policies.identity = rules->policies;
//   const Decision decision = decide(question);
//   if (!decision.allowed()) return denied_text(question, decision, true);
#include <boost/container/small_vector.hpp>

#include "policy/context.h"
#include "policy/policy_set.h"

namespace sluice::policy {

// Who asks.
struct Principal {
  enum class Type {
    assumed_role,
    service,
    federated,
    local_user,  // a user of the server's machine, whom its owner lets in for the account
    anonymous
  } type = Type::anonymous;
  // Of a session arn:aws:sts::A:assumed-role/R/S, of a service its name "s3.amazonaws.com", of a
  // web identity the ARN of its provider, of a local user "unix-uid:1001".
  std::string arn;
  std::string role_arn;  // arn:aws:iam::A:role/path/R
  std::string role_id;   // AROA...
  std::string account_id;
};
struct Question {
  Principal principal;
  std::string action, resource;
  Context context;
  std::string resource_account;  // the account that owns the resource
  PolicySet policies;
};
// A question where its parts already stand. They must live as long as it, and as what is decided.
struct QuestionView {
  const Principal& principal;
  std::string_view action, resource;
  const Keys& context;
  std::string_view resource_account;
  std::span<const Attached> identity, resource_policies;
  std::optional<std::span<const Attached>> boundary, session;  // as in PolicySet
  std::span<const Grant> grants;
  QuestionView(const Principal& asker, const Keys& keys) : principal(asker), context(keys) {}
  QuestionView(const Question& whole);
  QuestionView(const Question&&) = delete;  // its parts would be gone
};
enum class Outcome { allow, implicit_deny, explicit_deny };
// A statement that a decision rests on, where it stands: in a policy of the question, or as a
// grant.
struct DeterminingStatement {
  const Attached* policy = nullptr;
  const Grant* grant = nullptr;  // where it is no policy
  std::optional<size_t> index;   // in its policy, from 0; nullopt: it does not parse, or is a grant
  bool allows() const;
  Kind kind() const { return grant ? Kind::grant : policy->kind; }
  const std::string& name() const { return grant ? grant->id : policy->name; }
  std::string_view sid() const;  // "": it has none
  // Whether both say the same, wherever they stand.
  bool operator==(const DeterminingStatement& other) const;
};
struct Decision {
  Outcome outcome = Outcome::implicit_deny;
  Kind kind = Kind::identity;  // of a denial: of the policy that denies, or that is missing
  // Of an allow every statement that it could rest on; of an explicit deny the one that was met
  // first; of an implicit deny none.
  using Statements = boost::container::small_vector<DeterminingStatement, 8>;
  Statements statements;
  bool allowed() const { return outcome == Outcome::allow; }
};
Decision decide(const QuestionView& question);
// Whether some statement allows the action on any resource and under any condition.
bool could_allow(const Document& document, std::string_view action);
// The text that AWS gives with AccessDenied. S3 puts the resource in quotes.
std::string denied_text(const QuestionView& question, const Decision& decision,
                        bool quote_resource);
// For S3 Block Public Access: whether some Allow is for more than fixed principals and fixed
// sources. Source: S3 User Guide, "The meaning of public".
bool is_public(const Document& document);

}  // namespace sluice::policy
