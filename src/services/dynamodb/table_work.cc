// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/table_work.h"

#include "base/bytes.h"
#include "base/random.h"
#include "services/dynamodb/constraints.h"

namespace sluice::dynamodb {
namespace {
// As messages name a member: its first letter is in lower case.
std::string path_of(std::string_view member) {
  std::string path(member);
  path[0] = static_cast<char>(path[0] | 0x20);
  return path;
}
}  // namespace

std::string new_work_id(Time now) {
  const std::string digits = std::to_string(now);
  return std::string(14 - std::min<size_t>(14, digits.size()), '0') + digits + "-" + random_hex(8);
}
std::string work_arn(const WorkKind& kind, const Scope& scope, const std::string& table,
                     const std::string& id) {
  return table_arn(scope, table) + "/" + lower(kind.name) + "/" + id;
}
std::string fingerprint_of(const json::object& body) {
  return base64(sha256(json::serialize(body)));
}

Result<WorkName> work_named(const WorkKind& kind, const json::object& body) {
  const std::string member = kind.arn_member();
  TRY(const auto arn, Fields(body).text(member));
  Constraints constraints;
  constraints.not_null(arn.has_value(), path_of(member));
  if (arn) constraints.length(*arn, path_of(member), 37, 1024);
  CHECK(constraints.met());
  const auto parsed = parse_arn(*arn);
  constexpr std::string_view kTable = "table/";
  const std::string middle = "/" + lower(kind.name) + "/";
  const size_t cut = parsed ? parsed->resource.find(middle) : std::string::npos;
  if (!parsed || parsed->service != "dynamodb" || !parsed->resource.starts_with(kTable) ||
      cut == std::string::npos)
    return validation("Invalid " + member);
  return WorkName{parsed->resource.substr(kTable.size(), cut - kTable.size()),
                  parsed->resource.substr(cut + middle.size())};
}

Error work_conflict(const WorkKind& kind) {
  return {400,
          std::string(kind.name) + "ConflictException",
          "There was an " + lower(kind.name) + " with this ClientToken and other parameters",
          {}};
}
Error no_such_work(const WorkKind& kind, const std::string& arn) {
  const std::string name(kind.name);
  return {400, name + "NotFoundException", name + " not found: " + arn, {}};
}

std::string page_token(const std::string& arn) {
  std::string padded(arn);
  padded.resize((arn.size() + 7) / 8 * 8, ' ');
  return hex(padded);
}
Result<std::string> arn_of_token(const std::string& token) {
  const auto padded = unhex(token);
  if (!padded) return validation("Invalid NextToken");
  return std::string(trim(*padded));
}

Result<TableIn> parse_describe_work(const WorkKind& kind, const Request& request) {
  TableIn in;
  TRY(in.body, parse_json_object(request.body));
  TRY(const WorkName named, work_named(kind, in.body));
  in.table = named.table;
  return in;
}
std::vector<Need> describe_work_needs(const WorkKind& kind, std::string_view action,
                                      const TableIn& in, const Snapshot& s) {
  Need need = table_need(action, in.table, s);
  need.resource = text_of(in.body, kind.arn_member());
  return {std::move(need)};
}

Result<TableIn> parse_list_work(const WorkKind& kind, const Request& request) {
  TableIn in;
  TRY(in.body, parse_json_object(request.body));
  TRY(const auto arn, Fields(in.body).text("TableArn"));
  if (arn) {
    TRY(in.table, table_name_of({{"TableName", *arn}}));
  }
  TRY(const auto most, Fields(in.body).integer(kind.page_member));
  TRY(const auto next, Fields(in.body).text("NextToken"));
  Constraints constraints;
  if (most)
    constraints.check(*most >= 1 && *most <= static_cast<int64_t>(kWorkPageMax),
                      std::to_string(*most), path_of(kind.page_member),
                      "Member must have value between 1 and 25");
  if (next) constraints.length(*next, "nextToken", 1, 1024);
  CHECK(constraints.met());
  return in;
}
std::vector<Need> list_work_needs(std::string_view action, const TableIn& in, const Snapshot& s) {
  return {in.table.empty() ? Need{std::string(action), "*", {}, {}, ""}
                           : table_need(action, in.table, s)};
}

}  // namespace sluice::dynamodb
