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
enum class Outcome { allow, implicit_deny, explicit_deny };
// A statement that a decision rests on.
struct DeterminingStatement {
  bool allows = false;
  Kind kind = Kind::identity;
  std::string policy;           // its name (Attached); of a grant its id
  std::string sid;              // "": it has none
  std::optional<size_t> index;  // in its policy, from 0; nullopt: it does not parse, or is a grant
  bool operator==(const DeterminingStatement&) const = default;
};
struct Decision {
  Outcome outcome = Outcome::implicit_deny;
  Kind kind = Kind::identity;  // of a denial: of the policy that denies, or that is missing
  // Of an allow every statement that it could rest on; of an explicit deny the one that was met
  // first; of an implicit deny none.
  std::vector<DeterminingStatement> statements;
  bool allowed() const { return outcome == Outcome::allow; }
};
Decision decide(const Question& question);
// Whether some statement allows the action on any resource and under any condition.
bool could_allow(const Document& document, std::string_view action);
// The text that AWS gives with AccessDenied. S3 puts the resource in quotes.
std::string denied_text(const Question& question, const Decision& decision, bool quote_resource);
// For S3 Block Public Access: whether some Allow is for more than fixed principals and fixed
// sources. Source: S3 User Guide, "The meaning of public".
bool is_public(const Document& document);

}  // namespace sluice::policy
