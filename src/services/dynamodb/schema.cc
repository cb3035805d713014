// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/schema.h"

#include <algorithm>

#include "services/dynamodb/constraints.h"
#include "services/dynamodb/model.h"

namespace sluice::dynamodb {
namespace {
constexpr int64_t kUnitsMax = 1'000'000'000'000;
Error invalid(const std::string& why) {
  return validation("One or more parameter values were invalid: " + why);
}
std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// A list of pairs: KeySchema (AttributeName, KeyType) or AttributeDefinitions.
using Pairs = std::vector<std::pair<std::string, std::string>>;
Result<Pairs> read_pairs(const json::object& body, const char* member, const char* second,
                         std::initializer_list<std::string_view> values, Constraints& constraints) {
  Pairs pairs;
  TRY(const json::array* list, Fields(body).array(member));
  std::string where(member);
  where[0] = static_cast<char>(where[0] | 0x20);
  constraints.not_null(list != nullptr, where);
  if (!list) return pairs;
  std::string second_name(second);
  second_name[0] = static_cast<char>(second_name[0] | 0x20);
  for (const json::value& one : *list) {
    if (!one.is_object()) return Error{400, "SerializationException", "Expected a structure", {}};
    const std::string at = where + "." + std::to_string(pairs.size() + 1) + ".member.";
    TRY(const auto name, Fields(one.get_object()).text("AttributeName"));
    TRY(const auto kind, Fields(one.get_object()).text(second));
    constraints.not_null(name.has_value(), at + "attributeName");
    if (name) constraints.length(*name, at + "attributeName", 1, kKeyNameBytesMax);
    constraints.not_null(kind.has_value(), at + second_name);
    if (kind) constraints.one_of(*kind, at + second_name, values);
    pairs.emplace_back(name.value_or(""), kind.value_or(""));
  }
  return pairs;
}
std::string shown(const Pairs& keys) {
  std::string out;
  for (const auto& [name, type] : keys)
    out += (out.empty() ? "" : ", ") + ("KeySchemaElement(attributeName=" + name) +
           ", keyType=" + type + ")";
  return "[" + out + "]";
}
std::vector<std::string> names_of(const Pairs& pairs) {
  std::vector<std::string> names;
  for (const auto& [name, second] : pairs) names.push_back(name);
  return names;
}

Result<Done> check_keys(const Pairs& keys, const Pairs& definitions) {
  const std::vector<std::string> names = names_of(keys), defined = names_of(definitions);
  if (names.size() > defined.size())
    return validation("Invalid KeySchema: Some index key attribute have no definition");
  for (const std::string& name : names)
    if (std::find(defined.begin(), defined.end(), name) == defined.end())
      return invalid("Some index key attributes are not defined in AttributeDefinitions. Keys: [" +
                     joined(names) + "], AttributeDefinitions: [" + joined(defined) + "]");
  if (names.size() > 1 && names[0] == names[1])
    return validation(
        "Both the Hash Key and the Range Key element in the KeySchema have the same name");
  for (size_t i = 0; i < keys.size(); ++i)
    if (const std::string wanted = i == 0 ? "HASH" : "RANGE"; keys[i].second != wanted)
      return validation("Invalid KeySchema: The " + std::string(i == 0 ? "first" : "second") +
                        " KeySchemaElement is not a " + wanted + " key type");
  return Done{};
}
std::string type_in(const Pairs& definitions, const std::string& name) {
  for (const auto& [defined, type] : definitions)
    if (defined == name) return type;
  return "";
}

Result<std::optional<ThroughputRecord>> read_throughput(const json::object& body,
                                                        Constraints& constraints) {
  TRY(const json::object* asked, Fields(body).object("ProvisionedThroughput"));
  if (!asked) return std::optional<ThroughputRecord>();
  ThroughputRecord throughput;
  for (const auto& [name, place] : {std::pair("ReadCapacityUnits", &throughput.read),
                                    std::pair("WriteCapacityUnits", &throughput.write)}) {
    TRY(const auto units, Fields(*asked).integer(name));
    const std::string where =
        "provisionedThroughput." + std::string(1, static_cast<char>(name[0] | 0x20)) + (name + 1);
    constraints.not_null(units.has_value(), where);
    if (units)
      constraints.check(*units >= 1, std::to_string(*units), where,
                        "Member must have value greater than or equal to 1");
    *place = units.value_or(0);
  }
  return std::optional(throughput);
}
Result<Done> check_throughput(const ThroughputRecord& throughput) {
  for (const auto& [name, units] : {std::pair("ReadCapacityUnits", throughput.read),
                                    std::pair("WriteCapacityUnits", throughput.write)})
    if (units > kUnitsMax)
      return validation("Given value " + std::to_string(units) + " for " + name +
                        " is out of bounds");
  return Done{};
}
Error units_on_demand() {
  return invalid(
      "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
      "PAY_PER_REQUEST");
}
json::object key_element(const std::string& name, const char* type) {
  return {{"AttributeName", name}, {"KeyType", type}};
}
json::object definition(const std::string& name, const std::string& type) {
  return {{"AttributeName", name}, {"AttributeType", type}};
}
double seconds(Time time) { return static_cast<double>(time) / 1000; }
}  // namespace

Result<Done> read_table(const json::object& body, TableRecord& table) {
  Constraints constraints;
  const Fields fields(body);
  TRY(const Pairs definitions,
      read_pairs(body, "AttributeDefinitions", "AttributeType", {"B", "N", "S"}, constraints));
  TRY(const Pairs keys, read_pairs(body, "KeySchema", "KeyType", {"HASH", "RANGE"}, constraints));
  if (fields.find("KeySchema")) {
    constraints.check(!keys.empty(), "[]", "keySchema",
                      "Member must have length greater than or equal to 1");
    constraints.check(keys.size() <= 2, shown(keys), "keySchema",
                      "Member must have length less than or equal to 2");
  }
  TRY(const auto billing, fields.text("BillingMode"));
  if (billing) constraints.one_of(*billing, "billingMode", {"PROVISIONED", "PAY_PER_REQUEST"});
  TRY(const auto throughput, read_throughput(body, constraints));
  TRY(const auto table_class, fields.text("TableClass"));
  if (table_class)
    constraints.one_of(*table_class, "tableClass", {"STANDARD", "STANDARD_INFREQUENT_ACCESS"});
  TRY(const auto protection, fields.boolean("DeletionProtectionEnabled"));
  CHECK(constraints.met());

  table.provisioned = billing.value_or("PROVISIONED") == "PROVISIONED";
  if (!table.provisioned && throughput) return units_on_demand();
  if (table.provisioned && !throughput)
    return invalid(
        "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is "
        "PROVISIONED");
  table.throughput = throughput.value_or(ThroughputRecord{});
  CHECK(check_throughput(table.throughput));
  if (!table.provisioned) table.on_demand_since = table.created;
  CHECK(check_keys(keys, definitions));
  if (keys.size() != definitions.size())
    return invalid(
        "Number of attributes in KeySchema does not exactly match number of attributes defined in "
        "AttributeDefinitions");
  table.hash = keys[0].first;
  table.hash_type = type_in(definitions, table.hash);
  if (keys.size() > 1) {
    table.range = keys[1].first;
    table.range_type = type_in(definitions, table.range);
  }
  table.table_class = table_class.value_or("");
  table.deletion_protection = protection.value_or(false);
  return Done{};
}

Result<Done> change_billing(const json::object& body, TableRecord& table, Time now) {
  Constraints constraints;
  TRY(const auto billing, Fields(body).text("BillingMode"));
  if (billing) constraints.one_of(*billing, "billingMode", {"PROVISIONED", "PAY_PER_REQUEST"});
  TRY(const auto throughput, read_throughput(body, constraints));
  CHECK(constraints.met());
  const bool provisioned = billing ? *billing == "PROVISIONED" : table.provisioned;
  if (!provisioned && throughput) return units_on_demand();
  if (provisioned && billing && !throughput)
    return invalid("ProvisionedThroughput must be specified when BillingMode is PROVISIONED");
  if (throughput) {
    CHECK(check_throughput(*throughput));
    if (table.provisioned && *throughput == table.throughput) {
      const std::string read = std::to_string(throughput->read),
                        write = std::to_string(throughput->write);
      return validation(
          "The provisioned throughput for the table will not change. The requested value equals "
          "the current value. Current ReadCapacityUnits provisioned for the table: " +
          read + ". Requested ReadCapacityUnits: " + read +
          ". Current WriteCapacityUnits provisioned for the table: " + write +
          ". Requested WriteCapacityUnits: " + write +
          ". Refer to the Amazon DynamoDB Developer Guide for current limits and how to request "
          "higher limits.");
    }
  }
  if (!provisioned && table.provisioned) table.on_demand_since = now;
  table.provisioned = provisioned;
  table.throughput = provisioned ? throughput.value_or(table.throughput) : ThroughputRecord{};
  return Done{};
}

json::object description(const TableRecord& table, const Scope& scope) {
  json::array keys{key_element(table.hash, "HASH")},
      definitions{definition(table.hash, table.hash_type)};
  if (!table.range.empty()) {
    keys.push_back(key_element(table.range, "RANGE"));
    definitions.push_back(definition(table.range, table.range_type));
  }
  json::object d{
      {"TableName", table.name},
      {"TableArn", table_arn(scope, table.name)},
      {"TableId", table.id},
      {"TableStatus", "ACTIVE"},
      {"CreationDateTime", seconds(table.created)},
      {"KeySchema", std::move(keys)},
      {"AttributeDefinitions", std::move(definitions)},
      {"ProvisionedThroughput", json::object{{"NumberOfDecreasesToday", 0},
                                             {"ReadCapacityUnits", table.throughput.read},
                                             {"WriteCapacityUnits", table.throughput.write}}},
      {"DeletionProtectionEnabled", table.deletion_protection}};
  if (!table.provisioned || table.on_demand_since) {
    json::object billing{{"BillingMode", table.provisioned ? "PROVISIONED" : "PAY_PER_REQUEST"}};
    if (table.on_demand_since)
      billing["LastUpdateToPayPerRequestDateTime"] = seconds(table.on_demand_since);
    d["BillingModeSummary"] = std::move(billing);
  }
  if (!table.table_class.empty())
    d["TableClassSummary"] = json::object{{"TableClass", table.table_class}};
  if (!table.kms_key_arn.empty())
    d["SSEDescription"] = json::object{
        {"Status", "ENABLED"}, {"SSEType", "KMS"}, {"KMSMasterKeyArn", table.kms_key_arn}};
  return d;
}

}  // namespace sluice::dynamodb
