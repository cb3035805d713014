// SPDX-License-Identifier: Apache-2.0
#pragma once
// IAM policy documents: parsed once, immutable. Sources: IAM User Guide, "Grammar of the IAM JSON
// policy language", "IAM JSON policy elements: Condition operators", "Policy variables". Pure
// functions, no I/O.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::policy {

// Condition context: key in lower case ("aws:securetransport") -> values. One value for
// single-valued keys.
using Context = std::map<std::string, std::vector<std::string>, std::less<>>;
enum class Kind {
  identity,
  resource,
  key,
  trust
};  // where a document comes from; decides what may stand in it

struct Condition {
  std::string name;  // "StringEquals": without ForAll.., ForAny.. and IfExists
  enum class Set { one, all, any } set = Set::one;
  bool if_exists = false;
  std::string key;  // lower case
  std::vector<std::string> values;
};
struct Statement {
  std::string sid;
  bool allow = false;
  std::vector<std::string> actions, resources;  // patterns
  bool not_action = false, not_resource = false;
  bool not_principal = false;
  std::vector<std::pair<std::string, std::string>>
      principals;  // {"AWS", "*"}, {"AWS", "AROA..."}, {"Service", "s3.amazonaws.com"}
  std::vector<Condition> conditions;
};
struct Document {
  Kind kind;
  bool variables = false;
  std::vector<Statement> statements;
};
using DocumentPtr = std::shared_ptr<const Document>;

constexpr size_t kDocumentBytesMax = 32 * 1024;
// Parses and validates. Errors: MalformedPolicyDocument 400 with the reason; services rename the
// code.
Result<DocumentPtr> parse(std::string_view text, Kind kind);
// nullptr when it does not parse, which denies. A bounded, thread-safe cache by content.
DocumentPtr parse_cached(std::string_view text, Kind kind);

}  // namespace sluice::policy
