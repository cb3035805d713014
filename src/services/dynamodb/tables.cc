// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/tables.h"

#include <map>

#include "base/bytes.h"
#include "base/random.h"
#include "services/dynamodb/codec.h"
#include "base/thread_safety.h"

namespace sluice::dynamodb {

Result<std::string> table_name_of(const json::object& body) {
  TRY(std::string name, Fields(body).required_text("TableName"));
  if (const auto arn = parse_arn(name);
      arn && arn->service == "dynamodb" && arn->resource.starts_with("table/"))
    name = arn->resource.substr(6);
  if (name.size() < 3 || name.size() > 255 ||
      name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") !=
          std::string::npos)
    return validation("1 validation error detected: Value '" + name.substr(0, 255) +
                      "' at 'tableName' failed to satisfy constraint: Member must satisfy regular "
                      "expression pattern: [a-zA-Z0-9_.-]+ and have length 3 to 255");
  return name;
}
std::string table_arn(const Scope& scope, std::string_view name) {
  return make_arn(scope, "dynamodb", "table/" + std::string(name));
}
Need table_need(std::string_view action, std::string_view name, const Snapshot& snapshot,
                policy::Context context) {
  return {std::string(action),
          table_arn(snapshot.scope(), name),
          std::move(context),
          {},
          "AWS::DynamoDB::Table"};
}
json::object key_context(const Scope& scope, const std::string& table) {
  return {{"aws:dynamodb:tableName", table}, {"aws:dynamodb:subscriberId", scope.account_id}};
}

namespace {
Error key_refused(const Error& why) {
  return {400,
          "AccessDeniedException",
          "KMS key access denied error: " + why.code + " " + why.message,
          {}};
}
std::string through_dynamodb(const Scope& scope) {
  return "dynamodb." + scope.region + ".amazonaws.com";
}
}  // namespace
Result<Done> add_key_need(std::vector<Need>& needs, const std::string& table,
                          const Snapshot& snapshot, const Ports& ports) {
  const auto record = snapshot.get(table_key(table));
  if (!record || record->kms_key_arn.empty()) return Done{};
  auto need = ports.data_keys->need("kms:Decrypt", record->kms_key_arn,
                                    key_context(snapshot.scope(), table),
                                    through_dynamodb(snapshot.scope()), snapshot);
  if (!need) return key_refused(need.error());
  if (!*need) return Done{};
  // AWS keeps the key of a table for minutes, and KMS records none of the calls meanwhile.
  (*need)->resource_type.clear();
  needs.push_back(**std::move(need));
  return Done{};
}

Table::Table(const TableRecord& record, const Secret& data_key)
    : id(record.id),
      hash{record.hash, record.hash_type},
      range{record.range, record.range_type},
      aead_(data_key) {}
Result<Table> Table::unlock(const TableRecord& record, const Snapshot& snapshot,
                            const Ports& ports) {
  const auto key = ports.data_keys->unwrap(unbase64(record.wrapped_data_key).value_or(""),
                                           key_context(snapshot.scope(), record.name), snapshot);
  if (!key) return key_refused(key.error());
  return Table(record, *key);
}
Result<Table> Table::open(const std::string& name, const Snapshot& snapshot, const Ports& ports) {
  const auto record = snapshot.get(table_key(name));
  if (!record) return Error{400, "ResourceNotFoundException", "Requested resource not found", {}};
  return unlock(*record, snapshot, ports);
}
Result<Table> Table::open(const std::string& name, Staged& staged, const Ports& ports) {
  const auto record = staged.look(table_key(name));
  if (!record) return Error{400, "ResourceNotFoundException", "Requested resource not found", {}};
  return unlock(*record, staged.snapshot(), ports);
}

Result<std::string> Table::encode(const json::value& value, bool is_hash) const {
  const auto& [name, type] = is_hash ? hash : range;
  const std::string actual = type_of(value);
  if (actual != type)
    return validation("One or more parameter values were invalid: Type mismatch for key " + name +
                      " expected: " + type + " actual: " + actual);
  std::string bytes = sortable(value);
  if (bytes.empty())
    return validation(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
        "contain an empty " +
        std::string(type == "S" ? "string" : "binary") + " value. Key: " + name);
  if (is_hash && bytes.size() > kHashKeyBytesMax)
    return validation(
        "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size "
        "limit of2048 bytes");
  if (!is_hash && bytes.size() > kRangeKeyBytesMax)
    return validation(
        "One or more parameter values were invalid: Aggregated size of all range keys has exceeded "
        "the size limit of 1024 bytes");
  return bytes;
}
Result<Key> Table::key_of(const json::object& item, bool exact) const {
  std::string bytes[2];
  const bool ranged = !range.name.empty();
  const auto mismatch = [] {
    return validation("The provided key element does not match the schema");
  };
  if (exact && item.size() != (ranged ? 2u : 1u)) return mismatch();
  for (int i = 0; i < (ranged ? 2 : 1); ++i) {
    const auto& [name, type] = i == 0 ? hash : range;
    const json::value* value = item.if_contains(name);
    if (!value)
      return exact ? mismatch()
                   : validation("One or more parameter values were invalid: Missing the key " +
                                name + " in the item");
    if (exact && type_of(*value) != type) return mismatch();
    TRY(bytes[i], encode(*value, i == 0));
  }
  return ranged ? item_key(id, bytes[0], bytes[1]) : item_key(id, bytes[0]);
}
std::string Table::seal(const Key& key, const json::object& item) const {
  return aead_.seal_random(encode_item(item), key.bytes);
}
Result<json::object> Table::open_item(std::string_view key_bytes, std::string_view sealed) const {
  const auto plain = aead_.open_random(sealed, key_bytes);
  if (!plain)
    return Error{500, "InternalServerError", "The item's seal is broken. Run: sluice verify", {}};
  return decode_item(*plain, json_arena(plain->size() * 4));
}
json::object Table::key_attributes(const json::object& item) const {
  json::object key{{hash.name, item.at(hash.name)}};
  if (!range.name.empty()) key[range.name] = item.at(range.name);
  return key;
}

Response render_json(const JsonOut& out) {
  Response r{200, {}, json::serialize(out.body), nullptr, 0};
  Digest crc(Digest::Algorithm::crc32);
  crc.update(r.body);
  uint64_t value = 0;
  for (char c : crc.finish()) value = value << 8 | static_cast<uint8_t>(c);
  r.headers.add("x-amz-crc32", std::to_string(value));
  return r;
}
json::object consumed(const std::string& table, double units, const json::object& body) {
  json::object shown{{"TableName", table}, {"CapacityUnits", units}};
  if (text_of(body, "ReturnConsumedCapacity") == "INDEXES")
    shown["Table"] = json::object{{"CapacityUnits", units}};
  return shown;
}

namespace {
json::object description(const TableRecord& table, const Scope& scope, const char* status) {
  json::array schema{json::object{{"AttributeName", table.hash}, {"KeyType", "HASH"}}},
      definitions{json::object{{"AttributeName", table.hash}, {"AttributeType", table.hash_type}}};
  if (!table.range.empty()) {
    schema.push_back(json::object{{"AttributeName", table.range}, {"KeyType", "RANGE"}});
    definitions.push_back(
        json::object{{"AttributeName", table.range}, {"AttributeType", table.range_type}});
  }
  json::object d{{"TableName", table.name},
                 {"TableArn", table_arn(scope, table.name)},
                 {"TableId", table.id},
                 {"TableStatus", status},
                 {"CreationDateTime", static_cast<double>(table.created) / 1000},
                 {"KeySchema", std::move(schema)},
                 {"AttributeDefinitions", std::move(definitions)},
                 {"BillingModeSummary", json::object{{"BillingMode", "PAY_PER_REQUEST"}}},
                 {"ProvisionedThroughput", json::object{{"NumberOfDecreasesToday", 0},
                                                        {"ReadCapacityUnits", 0},
                                                        {"WriteCapacityUnits", 0}}},
                 {"DeletionProtectionEnabled", false}};
  if (!table.kms_key_arn.empty())
    d["SSEDescription"] = json::object{
        {"Status", "ENABLED"}, {"SSEType", "KMS"}, {"KMSMasterKeyArn", table.kms_key_arn}};
  return d;
}
const char* kMissingTable = "Requested resource not found: Table: ";
Error no_table(const std::string& name) {
  return {400, "ResourceNotFoundException", kMissingTable + name + " not found", {}};
}

Result<Done> read_schema(const json::object& body, TableRecord& table) {
  const Fields fields(body);
  TRY(const json::array* schema, fields.array("KeySchema"));
  TRY(const json::array* definitions, fields.array("AttributeDefinitions"));
  if (!schema || !definitions || schema->empty() || schema->size() > 2)
    return validation(
        "One or more parameter values were invalid: KeySchema must have a HASH key and at most one "
        "RANGE key, with AttributeDefinitions");
  for (size_t i = 0; i < schema->size(); ++i) {
    const json::value& element = (*schema)[i];
    const std::string name =
                          element.is_object() ? text_of(element.get_object(), "AttributeName") : "",
                      wanted = i == 0 ? "HASH" : "RANGE";
    if (name.empty() || name.size() > 255 || text_of(element.get_object(), "KeyType") != wanted)
      return validation("Invalid KeySchema: The " + std::string(i == 0 ? "first" : "second") +
                        " KeySchemaElement is not a " + wanted + " key type");
    std::string type;
    for (const json::value& d : *definitions)
      if (d.is_object() && text_of(d.get_object(), "AttributeName") == name)
        type = text_of(d.get_object(), "AttributeType");
    if (type != "S" && type != "N" && type != "B")
      return validation(
          "One or more parameter values were invalid: Some index key attributes are not defined in "
          "AttributeDefinitions. Keys: [" +
          name + "], AttributeDefinitions: []");
    (i == 0 ? table.hash : table.range) = name;
    (i == 0 ? table.hash_type : table.range_type) = type;
  }
  if (schema->size() != definitions->size())
    return validation(
        "One or more parameter values were invalid: Number of attributes in KeySchema does not "
        "exactly match number of attributes defined in AttributeDefinitions");
  return Done{};
}
}  // namespace

Result<TableIn> parse_table_in(const Request& request) {
  TableIn in;
  TRY(in.body, parse_json_object(request.body));
  TRY(in.table, table_name_of(in.body));
  return in;
}

Result<TableIn> CreateTable::parse(const Request& request) {
  TRY(TableIn in, parse_table_in(request));
  TableRecord scratch;
  CHECK(read_schema(in.body, scratch));
  for (const char* later :
       {"GlobalSecondaryIndexes", "LocalSecondaryIndexes", "StreamSpecification"})
    if (Fields(in.body).find(later))
      return validation(std::string(later) + " is not implemented by Sluice yet.");
  if (text_of(in.body, "BillingMode") != "PAY_PER_REQUEST")
    return validation("Sluice has on-demand tables only: set BillingMode to PAY_PER_REQUEST.");
  if (Fields(in.body).find("ProvisionedThroughput"))
    return validation(
        "One or more parameter values were invalid: Neither ReadCapacityUnits nor "
        "WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST");
  return in;
}
namespace {
std::string key_reference(const json::object& body) {
  const json::value* sse = body.if_contains("SSESpecification");
  if (!sse || !sse->is_object() || !bool_of(sse->get_object(), "Enabled"))
    return "alias/aws/dynamodb";
  const std::string key = text_of(sse->get_object(), "KMSMasterKeyId");
  return key.empty() ? "alias/aws/dynamodb" : key;
}
}  // namespace
Result<std::vector<Need>> CreateTable::needs(const In& in, const Snapshot& s, const Ports& ports) {
  std::vector<Need> needs{table_need(action, in.table, s)};
  for (const char* act : {"kms:DescribeKey", "kms:GenerateDataKey"}) {
    TRY(const auto need,
        ports.data_keys->need(act, key_reference(in.body), key_context(s.scope(), in.table),
                              through_dynamodb(s.scope()), s));
    if (need) needs.push_back(*need);
  }
  return needs;
}
Result<JsonOut> CreateTable::run(const Authorized<In>& in, Staged& staged) {
  if (staged.look(table_key(in->table)))
    return Error{400, "ResourceInUseException", "Table already exists: " + in->table, {}};
  TableRecord table{.name = in->table, .id = random_uuid(), .created = in.time()};
  CHECK(read_schema(in->body, table));
  const std::string reference = key_reference(in->body);
  if (const auto view = in.ports().data_keys->find(reference, staged.snapshot());
      view && !view->encrypts)
    return validation("One or more parameter values were invalid: the KMS key " + view->arn +
                      " is not a symmetric key for encryption, the only kind that DynamoDB uses");
  TRY(const DataKey key, in.ports().data_keys->generate(
                             reference, key_context(staged.snapshot().scope(), in->table), staged));
  table.wrapped_data_key = base64(key.wrapped);
  if (reference != "alias/aws/dynamodb") table.kms_key_arn = key.key_arn;
  staged.put(table_key(in->table), table);
  return JsonOut{{{"TableDescription", description(table, staged.snapshot().scope(), "ACTIVE")}}};
}
namespace {
// AWS's figures are up to six hours old. Ours are exact to 100,000 items; above, at most a hundred
// times as old as counting took, so that who asks in a loop keeps a core busy by a hundredth.
constexpr int64_t kAlwaysExact = 100'000;
struct Count {
  int64_t items = 0, bytes = 0, counted_us = 0, took_us = 0;
};
class KnownCounts {
 public:
  std::optional<Count> recent(const std::string& table_id) {
    const MutexLock lock(mutex_);
    const auto known = counts_.find(table_id);
    if (known == counts_.end() ||
        monotonic_us() - known->second.counted_us >= known->second.took_us * 100)
      return std::nullopt;
    return known->second;
  }
  void keep(const std::string& table_id, const Count& count) {
    const MutexLock lock(mutex_);
    if (count.items > kAlwaysExact)
      counts_[table_id] = count;
    else
      counts_.erase(table_id);
  }

 private:
  Mutex mutex_;
  // By table id, which is never used again.
  std::map<std::string, Count> counts_ SLUICE_GUARDED_BY(mutex_);
};
Count count_items(const Snapshot& s, const std::string& table_id) {
  auto& known_counts = s.attached<KnownCounts>();
  if (const auto recent = known_counts.recent(table_id)) return *recent;
  Count count;
  const int64_t began_us = monotonic_us();
  s.scan(items_of(table_id), "", false, [&](std::string_view key, std::string_view value) {
    count.bytes += static_cast<int64_t>(key.size() + value.size());
    ++count.items;
    return true;
  });
  count.counted_us = monotonic_us();
  count.took_us = count.counted_us - began_us;
  known_counts.keep(table_id, count);
  return count;
}
}  // namespace
Result<JsonOut> DescribeTable::run(const Authorized<In>& in, const Snapshot& s) {
  const auto table = s.get(table_key(in->table));
  if (!table) return no_table(in->table);
  json::object d = description(*table, s.scope(), "ACTIVE");
  const Count counted = count_items(s, table->id);
  d["ItemCount"] = counted.items;
  d["TableSizeBytes"] = counted.bytes;
  return JsonOut{{{"Table", std::move(d)}}};
}
Result<JsonOut> ListTables::run(const Authorized<In>& in, const Snapshot& s) {
  json::array names;
  std::string last;
  const Key tables = RecordPrefix<TableRecord>{};  // only their names are looked at
  s.scan(tables, in->after.empty() ? "" : table_key(in->after).bytes, false,
         [&](std::string_view key, std::string_view) {
           const std::string name = schema::parts(key).at(0);
           if (name == in->after) return true;
           if (names.size() == static_cast<size_t>(in->limit)) {
             last = std::string(names.back().as_string());
             return false;
           }
           names.emplace_back(name);
           return true;
         });
  JsonOut out{{{"TableNames", std::move(names)}}};
  if (!last.empty()) out.body["LastEvaluatedTableName"] = last;
  return out;
}
Result<ListTables::In> ListTables::parse(const Request& request) {
  TRY(const json::object body, parse_json_object(request.body));
  TRY(const auto after, Fields(body).text("ExclusiveStartTableName"));
  TRY(const auto limit, Fields(body).integer("Limit"));
  if (limit && (*limit < 1 || *limit > 100))
    return validation("1 validation error detected: Value '" + std::to_string(*limit) +
                      "' at 'limit' failed to satisfy constraint: Member must have value less than "
                      "or equal to 100");
  return In{after.value_or(""), limit.value_or(100)};
}
Result<JsonOut> DeleteTable::run(const Authorized<In>& in, Staged& staged) {
  const auto table = staged.look(table_key(in->table));
  if (!table) return no_table(in->table);
  staged.erase(table_key(in->table));
  // The items' data key goes with the record: nobody can read them any more. The purge erases them
  // in the background.
  staged.enqueue({.queue = "dynamodb.purge", .event = members_of(PurgeEvent{table->id})});
  return JsonOut{
      {{"TableDescription", description(*table, staged.snapshot().scope(), "DELETING")}}};
}

void start_purge(Store& store) {
  serve_erasing(store, "dynamodb.purge", [](const json::object& event) {
    return std::vector{schema::span(items_of(members_from<PurgeEvent>(event).table_id))};
  });
}

}  // namespace sluice::dynamodb
