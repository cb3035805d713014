// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/table_policy.h"

#include "base/bytes.h"
#include "base/random.h"
#include "request/principals.h"
#include "services/dynamodb/constraints.h"

namespace sluice::dynamodb {
namespace {
Error no_policy(const json::object& body) {
  return {400,
          "PolicyNotFoundException",
          "Resource-based policy not found for the provided ResourceArn: " +
              text_of(body, "ResourceArn").substr(0, 1024),
          {}};
}
// ExpectedRevisionId makes the change depend on the policy that is there.
Result<Done> check_revision(const TableRecord& table, const json::object& body) {
  TRY(const auto expected, Fields(body).text("ExpectedRevisionId"));
  if (!expected || *expected == table.policy_revision ||
      (*expected == "NO_POLICY" && table.policy.empty()))
    return Done{};
  return no_policy(body);
}
}  // namespace

Result<Done> put_policy(TableRecord& table, const std::string& text, const Identities& identities,
                        const Snapshot& snapshot) {
  if (text.size() > kTablePolicyBytesMax)
    return validation(
        "Resource-based policy document exceeds the maximum allowed size of 20480 bytes");
  auto parsed = policy::parse(text, policy::Kind::resource);
  if (!parsed) return validation("Invalid policy document: " + parsed.error().message);
  const std::string arn = table_arn(snapshot.scope(), table.name);
  for (const policy::Statement& statement : (*parsed)->statements)
    for (const policy::Pattern& resource : statement.resources)
      if (resource.text() != arn && !resource.text().starts_with(arn + "/"))
        return validation("Invalid policy document: it has a resource that is not of the table " +
                          arn);
  auto pinned = pin_principals(text, identities, snapshot);
  if (!pinned) return validation("Invalid policy document: " + pinned.error().message);
  table.policy = *std::move(pinned);
  // As AWS's revisions, a number.
  table.policy_revision = std::to_string(from_big_endian64(random_bytes(8)) >> 1);
  return Done{};
}

Result<TableIn> PutResourcePolicy::parse(const Request& request) {
  TRY(TableIn in, parse_resource(request));
  TRY(const auto policy, Fields(in.body).text("Policy"));
  Constraints constraints;
  constraints.not_null(policy.has_value(), "policy");
  CHECK(constraints.met());
  return in;
}
Result<JsonOut> PutResourcePolicy::run(const Authorized<In>& in, Staged& staged) {
  auto table = staged.get(table_key(in->table));
  if (!table) return no_resource(in->body);
  CHECK(check_revision(*table, in->body));
  CHECK(put_policy(*table, text_of(in->body, "Policy"), *in.ports().identities, staged.snapshot()));
  staged.put(table_key(in->table), *table);
  return JsonOut{{{"RevisionId", table->policy_revision}}};
}
Result<JsonOut> GetResourcePolicy::run(const Authorized<In>& in, const Snapshot& s) {
  const auto table = s.get(table_key(in->table));
  if (!table) return no_resource(in->body);
  if (table->policy.empty()) return no_policy(in->body);
  return JsonOut{{{"Policy", show_principals(table->policy.text(), *in.ports().identities, s)},
                  {"RevisionId", table->policy_revision}}};
}
// Taking away a policy that is not there succeeds, as on AWS.
Result<JsonOut> DeleteResourcePolicy::run(const Authorized<In>& in, Staged& staged) {
  auto table = staged.get(table_key(in->table));
  if (!table) return no_resource(in->body);
  CHECK(check_revision(*table, in->body));
  JsonOut out;
  if (table->policy.empty()) return out;
  out.body["RevisionId"] = table->policy_revision;
  table->policy = {};
  table->policy_revision.clear();
  staged.put(table_key(in->table), *table);
  return out;
}

}  // namespace sluice::dynamodb
