// SPDX-License-Identifier: Apache-2.0
#pragma once
// IAM policy documents, parsed once and never changed afterwards. Pure functions, no I/O. Sources:
// IAM User Guide, "Grammar of the IAM JSON policy language", "IAM JSON policy elements: Condition
// operators", "Policy variables".
//
//   TRY(const DocumentPtr document, policy::parse(text, policy::Kind::trust));   // to be stored
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/match.h"

namespace sluice::policy {

// What a document belongs to: this decides what may stand in it.
// A session's own policy and a permissions boundary are written like a policy of an identity, and
// parsed as one. A grant of a KMS key has no document, but allows like one (policy_set.h).
enum class Kind { identity, resource, key, trust, session, boundary, grant };

// What an operator does, without ForAll.., ForAny.. and IfExists: "StringNotLike" is like, negated.
struct Operator {
  enum class Compares {
    text,
    text_ignoring_case,
    like,
    arn,
    numbers,
    dates,
    truth,
    bytes,
    networks,
    presence  // Null
  } compares = Compares::text;
  bool negated = false;
  enum class Order { equal, less, less_or_equal, greater, greater_or_equal } order = Order::equal;
};
struct Condition {
  Operator op;
  enum class Set { one, all, any } set = Set::one;
  bool if_exists = false;
  std::string key;  // lower case
  std::vector<std::string> values;
};
struct Statement {
  std::string sid;
  bool allow = false;
  std::vector<Pattern> actions;  // in lower case
  std::vector<Pattern> resources;
  bool not_action = false, not_resource = false;
  bool not_principal = false;
  // {"AWS", "*"}, {"AWS", "AROA..."}, {"Service", "s3.amazonaws.com"}
  std::vector<std::pair<std::string, std::string>> principals;
  std::vector<Condition> conditions;
};
struct Document {
  Kind kind;
  bool variables = false;
  std::vector<Statement> statements;
};
using DocumentPtr = std::shared_ptr<const Document>;

constexpr size_t kDocumentBytesMax = 32 * 1024;
// Parses and validates. Errors: MalformedPolicyDocument 400 with the reason. Services give it the
// code that their API has for it.
Result<DocumentPtr> parse(std::string_view text, Kind kind);
// The condition keys that a document looks at, in its conditions and as variables; in lower case,
// each once.
std::vector<std::string> keys_of(const Document& document);

}  // namespace sluice::policy
