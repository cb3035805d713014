// SPDX-License-Identifier: Apache-2.0
#pragma once
// The decision: may this principal do this action on this resource? Source: IAM User Guide, "Policy
// evaluation logic"; KMS Developer Guide, "Troubleshooting key access". Explicit deny wins; no
// allow denies; what does not parse denies.
#include "policy/document.h"

namespace sluice::policy {

struct Principal {  // who asks
  enum class Type { assumed_role, service, anonymous } type = Type::anonymous;
  std::string
      arn;  // session ARN arn:aws:sts::A:assumed-role/R/S; of a service its name "s3.amazonaws.com"
  std::string role_arn;  // arn:aws:iam::A:role/path/R
  std::string role_id;   // AROA...
  std::string account_id;
};
struct Question {
  Principal principal;
  std::string action, resource;
  Context context;
  std::string resource_account;  // the account that owns the resource
  std::vector<DocumentPtr>
      identity;  // the role's policies; nullptr: one does not parse, which denies
  std::vector<std::pair<Kind, DocumentPtr>>
      resource_policies;  // bucket, function, key, trust policies; nullptr likewise
};
enum class Outcome { allow, implicit_deny, explicit_deny };
struct Decision {
  Outcome outcome = Outcome::implicit_deny;
  Kind kind = Kind::identity;  // the kind of policy that decided, or that was missing
  std::string sid;
  bool allowed() const { return outcome == Outcome::allow; }
};
Decision decide(const Question& question);
// Whether some statement could allow the action, on whatever resource and under whatever condition.
bool could_allow(const Document& document, std::string_view action);
// AWS's text of an AccessDenied; S3 puts the resource in quotes.
std::string denied_text(const Question& question, const Decision& decision, bool quote_resource);
// S3 Block Public Access: does some Allow reach beyond fixed principals and sources? Source: S3
// User Guide, "The meaning of public".
bool is_public(const Document& document);

}  // namespace sluice::policy
