// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/schema.h"

#include <algorithm>

#include "base/random.h"
#include "services/dynamodb/constraints.h"
#include "services/dynamodb/model.h"
#include "services/dynamodb/streams.h"

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

// A list of pairs: KeySchema (AttributeName, KeyType) or AttributeDefinitions. `inside` is where
// the list stands, for messages.
using Pairs = std::vector<std::pair<std::string, std::string>>;
Result<Pairs> read_pairs(const json::object& body, const char* member, const char* second,
                         std::initializer_list<std::string_view> values, Constraints& constraints,
                         const std::string& inside = "") {
  Pairs pairs;
  TRY(const json::array* list, Fields(body).array(member));
  std::string where(member);
  where[0] = static_cast<char>(where[0] | 0x20);
  where = inside + where;
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
// The type that an attribute has in the keys of a table; "": in none.
std::string type_of_key(const TableRecord& table, const std::string& name) {
  if (name == table.hash) return table.hash_type;
  if (name == table.range) return table.range_type;
  for (const IndexRecord& index : table.indexes) {
    if (name == index.hash) return index.hash_type;
    if (name == index.range) return index.range_type;
  }
  return "";
}
std::string type_in(const Pairs& definitions, const std::string& name) {
  for (const auto& [defined, type] : definitions)
    if (defined == name) return type;
  return "";
}

Result<std::optional<ThroughputRecord>> read_throughput(const json::object& body,
                                                        Constraints& constraints,
                                                        const std::string& inside = "") {
  TRY(const json::object* asked, Fields(body).object("ProvisionedThroughput"));
  if (!asked) return std::optional<ThroughputRecord>();
  ThroughputRecord throughput;
  for (const auto& [name, place] : {std::pair("ReadCapacityUnits", &throughput.read),
                                    std::pair("WriteCapacityUnits", &throughput.write)}) {
    TRY(const auto units, Fields(*asked).integer(name));
    const std::string where = inside + "provisionedThroughput." +
                              std::string(1, static_cast<char>(name[0] | 0x20)) + (name + 1);
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
// An index as a request has it.
struct AskedIndex {
  IndexRecord record;
  Pairs keys;
  bool has_projection = false, has_throughput = false;
};
Result<AskedIndex> read_index(const json::object& body, bool global, const std::string& at,
                              Constraints& constraints) {
  AskedIndex asked;
  asked.record.global = global;
  const Fields fields(body);
  TRY(const auto name, fields.text("IndexName"));
  constraints.not_null(name.has_value(), at + "indexName");
  if (name) {
    constraints.check(name->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                              "0123456789_.-") == std::string::npos,
                      *name, at + "indexName",
                      "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
    constraints.length(*name, at + "indexName", 3, 255);
    asked.record.name = *name;
  }
  TRY(asked.keys, read_pairs(body, "KeySchema", "KeyType", {"HASH", "RANGE"}, constraints, at));
  if (fields.find("KeySchema"))
    constraints.check(!asked.keys.empty() && asked.keys.size() <= 2, shown(asked.keys),
                      at + "keySchema",
                      asked.keys.empty() ? "Member must have length greater than or equal to 1"
                                         : "Member must have length less than or equal to 2");
  TRY(const json::object* projection, fields.object("Projection"));
  constraints.not_null(projection != nullptr, at + "projection");
  if (projection) {
    TRY(const auto type, Fields(*projection).text("ProjectionType"));
    if (type)
      constraints.one_of(*type, at + "projection.projectionType", {"ALL", "INCLUDE", "KEYS_ONLY"});
    asked.record.projection = type.value_or("");
    TRY(asked.record.included, Fields(*projection).texts("NonKeyAttributes"));
    asked.has_projection = Fields(*projection).find("NonKeyAttributes") != nullptr;
    if (asked.has_projection)
      constraints.check(!asked.record.included.empty(), "[]", at + "projection.nonKeyAttributes",
                        "Member must have length greater than or equal to 1");
  }
  TRY(const auto throughput, read_throughput(body, constraints, at));
  asked.has_throughput = throughput.has_value();
  asked.record.throughput = throughput.value_or(ThroughputRecord{});
  return asked;
}
Result<Done> check_index(AskedIndex& asked, const TableRecord& table, const Pairs& definitions) {
  IndexRecord& index = asked.record;
  CHECK(check_keys(asked.keys, definitions));
  if (!index.global && asked.keys.size() != 2)
    return invalid("Index KeySchema does not have a range key for index: " + index.name);
  if (!index.global && asked.keys[0].first != table.hash)
    return invalid(
        "Index KeySchema does not have the same leading hash key as table KeySchema for index: " +
        index.name + ". index hash key: " + asked.keys[0].first +
        ", table hash key: " + table.hash);
  if (index.projection.empty()) return invalid("Unknown ProjectionType: null");
  if (asked.has_projection && index.projection != "INCLUDE")
    return invalid("ProjectionType is " + index.projection + ", but NonKeyAttributes is specified");
  if (!asked.has_projection && index.projection == "INCLUDE")
    return invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified");
  if (asked.has_throughput && !table.provisioned)
    return invalid("ProvisionedThroughput should not be specified for index: " + index.name +
                   " when BillingMode is PAY_PER_REQUEST");
  if (index.global && !asked.has_throughput && table.provisioned)
    return invalid("ProvisionedThroughput is not specified for index: " + index.name);
  CHECK(check_throughput(index.throughput));
  for (const IndexRecord& other : table.indexes)
    if (other.name == index.name) return invalid("Duplicate index name: " + index.name);
  index.id = random_uuid();
  index.hash = asked.keys[0].first;
  index.hash_type = type_in(definitions, index.hash);
  if (asked.keys.size() > 1) {
    index.range = asked.keys[1].first;
    index.range_type = type_in(definitions, index.range);
  }
  return Done{};
}
Result<Done> check_index_counts(const TableRecord& table) {
  size_t local = 0, global = 0, included = 0;
  for (const IndexRecord& index : table.indexes) {
    (index.global ? global : local) += 1;
    included += index.included.size();
  }
  if (local > kLocalIndexesMax)
    return invalid("Number of LocalSecondaryIndexes exceeds per-table limit of 5");
  if (global > kGlobalIndexesMax)
    return invalid("GlobalSecondaryIndex count exceeds the per-table limit of 20");
  if (included > kProjectedAttributesMax)
    return invalid("Number of projected attributes exceeds the per-table limit of 100");
  return Done{};
}
Result<std::vector<AskedIndex>> read_indexes(const json::object& body, const char* member,
                                             bool global, Constraints& constraints) {
  std::vector<AskedIndex> asked;
  TRY(const json::array* list, Fields(body).array(member));
  if (!list) return asked;
  std::string where(member);
  where[0] = static_cast<char>(where[0] | 0x20);
  for (const json::value& one : *list) {
    if (!one.is_object()) return Error{400, "SerializationException", "Expected a structure", {}};
    const std::string at = where + "." + std::to_string(asked.size() + 1) + ".member.";
    TRY(AskedIndex index, read_index(one.get_object(), global, at, constraints));
    asked.push_back(std::move(index));
  }
  return asked;
}
// Every definition must be of a key.
Result<Done> check_definitions(const TableRecord& table, const Pairs& definitions) {
  std::vector<std::string> used{table.hash};
  const auto use = [&](const std::string& name) {
    if (!name.empty() && std::find(used.begin(), used.end(), name) == used.end())
      used.push_back(name);
  };
  use(table.range);
  for (const IndexRecord& index : table.indexes) {
    use(index.hash);
    use(index.range);
  }
  const std::vector<std::string> defined = names_of(definitions);
  if (table.indexes.empty() && defined.size() != used.size())
    return invalid(
        "Number of attributes in KeySchema does not exactly match number of attributes defined in "
        "AttributeDefinitions");
  for (const std::string& name : defined)
    if (std::find(used.begin(), used.end(), name) == used.end() ||
        std::count(defined.begin(), defined.end(), name) > 1)
      return invalid("Some AttributeDefinitions are not used. AttributeDefinitions: [" +
                     joined(defined) + "], keys used: [" + joined(used) + "]");
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
  TRY(auto local, read_indexes(body, "LocalSecondaryIndexes", false, constraints));
  TRY(auto global, read_indexes(body, "GlobalSecondaryIndexes", true, constraints));
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
  if (keys.size() > definitions.size())
    return validation("Invalid KeySchema: Some index key attribute have no definition");
  CHECK(check_keys(keys, definitions));
  table.hash = keys[0].first;
  table.hash_type = type_in(definitions, table.hash);
  if (keys.size() > 1) {
    table.range = keys[1].first;
    table.range_type = type_in(definitions, table.range);
  }
  table.table_class = table_class.value_or("");
  table.deletion_protection = protection.value_or(false);
  if (fields.find("LocalSecondaryIndexes") && local.empty())
    return invalid("List of LocalSecondaryIndexes is empty");
  if (fields.find("GlobalSecondaryIndexes") && global.empty())
    return invalid("List of GlobalSecondaryIndexes is empty");
  if (!local.empty() && table.range.empty())
    return invalid(
        "Table KeySchema does not have a range key, which is required when specifying a "
        "LocalSecondaryIndex");
  for (std::vector<AskedIndex>* indexes : {&local, &global})
    for (AskedIndex& index : *indexes) {
      CHECK(check_index(index, table, definitions));
      table.indexes.push_back(std::move(index.record));
    }
  CHECK(check_index_counts(table));
  return check_definitions(table, definitions);
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

Result<Done> change_indexes(const json::object& body, TableRecord& table, IndexChange& change) {
  TRY(const json::array* updates, Fields(body).array("GlobalSecondaryIndexUpdates"));
  if (!updates) return Done{};
  if (updates->empty()) return invalid("List of GlobalSecondaryIndexUpdates is empty");
  Constraints constraints;
  Pairs definitions;
  if (Fields(body).find("AttributeDefinitions")) {
    TRY(definitions,
        read_pairs(body, "AttributeDefinitions", "AttributeType", {"B", "N", "S"}, constraints));
    CHECK(constraints.met());
  }
  for (const json::value& one : *updates) {
    if (!one.is_object() || one.get_object().size() != 1)
      return invalid(
          "One of GlobalSecondaryIndexUpdate actions Create, Update or Delete is required");
    const std::string kind(one.get_object().begin()->key());
    const json::value& given = one.get_object().begin()->value();
    if (!given.is_object()) return Error{400, "SerializationException", "Expected a structure", {}};
    const std::string name = text_of(given.get_object(), "IndexName");
    if (kind == "Create") {
      if (!change.created.empty() || !change.deleted.empty())
        return Error{400,
                     "LimitExceededException",
                     "Subscriber limit exceeded: Only 1 online index can be created or deleted "
                     "simultaneously per table",
                     {}};
      TRY(AskedIndex asked,
          read_index(given.get_object(), true, "globalSecondaryIndexUpdates.1.member.create.",
                     constraints));
      CHECK(constraints.met());
      CHECK(check_index(asked, table, definitions));
      for (const auto& [defined, type] : definitions)
        if (const std::string known = type_of_key(table, defined); !known.empty() && known != type)
          return invalid("The type of the key attribute " + defined + " cannot change");
      asked.record.backfilling = true;
      change.created = asked.record.id;
      table.indexes.push_back(std::move(asked.record));
      CHECK(check_index_counts(table));
      continue;
    }
    const auto found =
        std::find_if(table.indexes.begin(), table.indexes.end(),
                     [&](const IndexRecord& index) { return index.global && index.name == name; });
    if (found == table.indexes.end())
      return Error{400,
                   "ResourceNotFoundException",
                   "Requested resource not found: The table does not have the specified index: " +
                       name.substr(0, 255),
                   {}};
    if (kind == "Delete") {
      change.deleted = found->id;
      table.indexes.erase(found);
    } else if (kind == "Update") {
      TRY(const auto throughput, read_throughput(given.get_object(), constraints));
      CHECK(constraints.met());
      if (throughput) found->throughput = *throughput;
    }
  }
  return Done{};
}

namespace {
json::object index_description(const IndexRecord& index, const TableRecord& table,
                               const Scope& scope) {
  json::array keys{key_element(index.hash, "HASH")};
  if (!index.range.empty()) keys.push_back(key_element(index.range, "RANGE"));
  json::object projection{{"ProjectionType", index.projection}};
  if (!index.included.empty())
    projection["NonKeyAttributes"] = json::array(index.included.begin(), index.included.end());
  json::object d{{"IndexName", index.name},
                 {"IndexArn", table_arn(scope, table.name) + "/index/" + index.name},
                 {"KeySchema", std::move(keys)},
                 {"Projection", std::move(projection)},
                 {"IndexSizeBytes", 0},
                 {"ItemCount", 0}};
  if (!index.global) return d;
  d["IndexStatus"] = index.backfilling ? "CREATING" : "ACTIVE";
  if (index.backfilling) d["Backfilling"] = true;
  d["ProvisionedThroughput"] = json::object{{"NumberOfDecreasesToday", 0},
                                            {"ReadCapacityUnits", index.throughput.read},
                                            {"WriteCapacityUnits", index.throughput.write}};
  return d;
}
void add_indexes(json::object& d, const TableRecord& table, const Scope& scope) {
  for (const IndexRecord& index : table.indexes) {
    json::value& list = d[index.global ? "GlobalSecondaryIndexes" : "LocalSecondaryIndexes"];
    if (list.is_null()) list = json::array();
    list.get_array().push_back(index_description(index, table, scope));
    json::array& definitions = d["AttributeDefinitions"].get_array();
    for (const auto& [name, type] :
         {std::pair(index.hash, index.hash_type), std::pair(index.range, index.range_type)}) {
      const auto known = [&, &sought = name](const json::value& one) {
        return one.get_object().at("AttributeName").get_string() == sought;
      };
      if (!name.empty() && std::none_of(definitions.begin(), definitions.end(), known))
        definitions.push_back(definition(name, type));
    }
  }
}
}  // namespace
json::array key_schema(const TableRecord& table) {
  json::array keys{key_element(table.hash, "HASH")};
  if (!table.range.empty()) keys.push_back(key_element(table.range, "RANGE"));
  return keys;
}
json::object description(const TableRecord& table, const Scope& scope) {
  json::array definitions{definition(table.hash, table.hash_type)};
  if (!table.range.empty()) definitions.push_back(definition(table.range, table.range_type));
  json::object d{
      {"TableName", table.name},
      {"TableArn", table_arn(scope, table.name)},
      {"TableId", table.id},
      {"TableStatus", table.filled_by.empty() ? "ACTIVE" : "CREATING"},
      {"CreationDateTime", seconds(table.created)},
      {"KeySchema", key_schema(table)},
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
  if (!table.restored.source_arn.empty())
    d["RestoreSummary"] = json::object{{"SourceTableArn", table.restored.source_arn},
                                       {"RestoreDateTime", seconds(table.restored.at)},
                                       {"RestoreInProgress", !table.filled_by.empty()}};
  describe_stream(d, table, scope);
  add_indexes(d, table, scope);
  return d;
}

json::object creation_of(const TableRecord& table, const Scope& scope) {
  const json::object d = description(table, scope);
  const auto throughput_of = [](const json::object& described) {
    const json::object& shown = described.at("ProvisionedThroughput").get_object();
    return json::object{{"ReadCapacityUnits", shown.at("ReadCapacityUnits")},
                        {"WriteCapacityUnits", shown.at("WriteCapacityUnits")}};
  };
  json::object body{{"KeySchema", d.at("KeySchema")},
                    {"AttributeDefinitions", d.at("AttributeDefinitions")},
                    {"BillingMode", table.provisioned ? "PROVISIONED" : "PAY_PER_REQUEST"}};
  if (table.provisioned) body["ProvisionedThroughput"] = throughput_of(d);
  for (const char* kind : {"LocalSecondaryIndexes", "GlobalSecondaryIndexes"}) {
    if (!d.contains(kind)) continue;
    json::array indexes;
    for (const json::value& one : d.at(kind).get_array()) {
      const json::object& index = one.get_object();
      json::object made{{"IndexName", index.at("IndexName")},
                        {"KeySchema", index.at("KeySchema")},
                        {"Projection", index.at("Projection")}};
      if (table.provisioned && index.contains("ProvisionedThroughput"))
        made["ProvisionedThroughput"] = throughput_of(index);
      indexes.push_back(std::move(made));
    }
    body[kind] = std::move(indexes);
  }
  if (!table.kms_key_arn.empty())
    body["SSESpecification"] =
        json::object{{"Enabled", true}, {"SSEType", "KMS"}, {"KMSMasterKeyId", table.kms_key_arn}};
  return body;
}
void keep_used_definitions(json::object& body) {
  std::vector<std::string> used;
  const auto use = [&](const json::object& holder) {
    const json::value* keys = holder.if_contains("KeySchema");
    if (!keys || !keys->is_array()) return;
    for (const json::value& key : keys->get_array())
      if (key.is_object()) used.push_back(text_of(key.get_object(), "AttributeName"));
  };
  use(body);
  for (const char* kind : {"LocalSecondaryIndexes", "GlobalSecondaryIndexes"})
    if (const json::value* list = body.if_contains(kind); list && list->is_array())
      for (const json::value& index : list->get_array())
        if (index.is_object()) use(index.get_object());
  json::array kept;
  for (const json::value& definition : body.at("AttributeDefinitions").get_array())
    if (std::find(used.begin(), used.end(), text_of(definition.get_object(), "AttributeName")) !=
        used.end())
      kept.push_back(definition);
  body["AttributeDefinitions"] = std::move(kept);
}

}  // namespace sluice::dynamodb
