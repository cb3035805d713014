// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/tables.h"

#include <map>

#include "base/bytes.h"
#include "base/random.h"
#include "base/thread_safety.h"
#include "services/dynamodb/change_log.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/schema.h"
#include "services/dynamodb/streams.h"
#include "services/dynamodb/table_policy.h"
#include "services/dynamodb/tags.h"

namespace sluice::dynamodb {

Result<TableIn> parse_table_in(const Request& request) {
  TableIn in;
  TRY(in.body, parse_json_object(request.body));
  TRY(in.table, table_name_of(in.body));
  return in;
}

namespace {
// What would be lost without a word if it were taken.
Result<Done> refuse_unbuilt(const json::object& body) {
  for (const char* member : {"OnDemandThroughput", "WarmThroughput", "ReplicaUpdates",
                             "GlobalTableWitnessUpdates", "MultiRegionConsistency"})
    if (Fields(body).find(member))
      return validation(std::string(member) +
                        " is not implemented by Sluice: nothing bounds the throughput of a table, "
                        "and it is on this machine alone. Leave it out.");
  return Done{};
}
}  // namespace

Result<TableIn> CreateTable::parse(const Request& request) {
  TableIn in;
  TRY(in.body, parse_json_object(request.body));
  if (!Fields(in.body).find("TableName"))
    return validation("The parameter 'TableName' is required but was not present in the request");
  TRY(in.table, table_name_of(in.body));
  TableRecord scratch;
  CHECK(read_table(in.body, scratch));
  CHECK(tags_of(in.body));
  CHECK(refuse_unbuilt(in.body));
  CHECK(asked_stream(in.body));
  return in;
}
std::string key_reference(const json::object& body) {
  const json::value* sse = body.if_contains("SSESpecification");
  if (!sse || !sse->is_object() || !bool_of(sse->get_object(), "Enabled"))
    return "alias/aws/dynamodb";
  const std::string key = text_of(sse->get_object(), "KMSMasterKeyId");
  return key.empty() ? "alias/aws/dynamodb" : key;
}
Result<Done> add_new_key_needs(std::vector<Need>& needs, const TableIn& in, const Snapshot& s,
                               const Ports& ports) {
  for (const char* act : {"kms:DescribeKey", "kms:GenerateDataKey"}) {
    TRY(const auto need,
        ports.data_keys->need(act, key_reference(in.body), key_context(s.scope(), in.table),
                              through_dynamodb(s.scope()), s));
    if (need) needs.push_back(*need);
  }
  return Done{};
}
// Whoever makes a table with tags or with a policy needs the permission to give it such.
Result<std::vector<Need>> CreateTable::needs(const In& in, const Snapshot& s, const Ports& ports) {
  TRY(const Tags tags, tags_of(in.body));
  policy::Context context;
  add_request_tags(context, tags);
  std::vector<Need> needs{table_need(action, in.table, s, context)};
  if (!tags.empty()) needs.push_back(table_need("dynamodb:TagResource", in.table, s, context));
  if (Fields(in.body).find("ResourcePolicy"))
    needs.push_back(table_need("dynamodb:PutResourcePolicy", in.table, s));
  CHECK(add_new_key_needs(needs, in, s, ports));
  return needs;
}
namespace {
Result<Done> check_key_kind(const std::string& reference, const Ports& ports,
                            const Snapshot& snapshot) {
  const auto view = ports.data_keys->find(reference, snapshot);
  if (!view || view->encrypts) return Done{};
  return validation("One or more parameter values were invalid: the KMS key " + view->arn +
                    " is not a symmetric key for encryption, the only kind that DynamoDB uses");
}
}  // namespace

Result<TableRecord> new_table(const std::string& name, const json::object& body, Time now,
                              const Ports& ports, Staged& staged) {
  if (staged.look(table_key(name)))
    return Error{400, "ResourceInUseException", "Table already exists: " + name, {}};
  TableRecord table{.name = name, .id = random_uuid(), .created = now};
  CHECK(read_table(body, table));
  const std::string reference = key_reference(body);
  CHECK(check_key_kind(reference, ports, staged.snapshot()));
  TRY(const DataKey key,
      ports.data_keys->generate(reference, key_context(staged.snapshot().scope(), name), staged));
  table.wrapped_data_key = base64(key.wrapped);
  if (reference != "alias/aws/dynamodb") table.kms_key_arn = key.key_arn;
  return table;
}
Result<JsonOut> CreateTable::run(const Authorized<In>& in, Staged& staged) {
  TRY(TableRecord table, new_table(in->table, in->body, in.time(), in.ports(), staged));
  TRY(table.tags, tags_of(in->body));
  TRY(const auto policy, Fields(in->body).text("ResourcePolicy"));
  if (policy) CHECK(put_policy(table, *policy, *in.ports().identities, staged.snapshot()));
  TRY(const auto stream, asked_stream(in->body));
  if (stream && stream->enabled) CHECK(set_stream(*stream, table, in.time(), staged));
  staged.put(table_key(in->table), table);
  json::object d = description(table, staged.snapshot().scope());
  d["ItemCount"] = 0;
  d["TableSizeBytes"] = 0;
  return JsonOut{{{"TableDescription", std::move(d)}}};
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
// `keys` are those of a table or of an index, and `id` is its id.
Count count_items(const Snapshot& s, const std::string& id, const Key& keys) {
  auto& known_counts = s.attached<KnownCounts>();
  if (const auto recent = known_counts.recent(id)) return *recent;
  Count count;
  const int64_t began_us = monotonic_us();
  s.scan(keys, "", false, [&](std::string_view key, std::string_view value) {
    count.bytes += static_cast<int64_t>(key.size() + value.size());
    ++count.items;
    return true;
  });
  count.counted_us = monotonic_us();
  count.took_us = count.counted_us - began_us;
  known_counts.keep(id, count);
  return count;
}
void add_sizes(json::object& description, const Snapshot& s, const TableRecord& table) {
  const Count counted = count_items(s, table.id, items_of(table.id));
  description["ItemCount"] = counted.items;
  description["TableSizeBytes"] = counted.bytes;
  for (const char* member : {"LocalSecondaryIndexes", "GlobalSecondaryIndexes"})
    if (description.contains(member))
      for (json::value& one : description[member].as_array()) {
        json::object& d = one.as_object();
        const IndexRecord* index =
            find_index(table.indexes, std::string_view(d.at("IndexName").as_string()));
        const Count of_index = count_items(s, index->id, entries_of(index->id));
        d["ItemCount"] = of_index.items;
        d["IndexSizeBytes"] = of_index.bytes;
      }
}
}  // namespace
Result<Done> check_active(const TableRecord& table) {
  if (table.filled_by.empty()) return Done{};
  return Error{
      400,
      "ResourceInUseException",
      "Attempt to change a resource which is still in use: Table is being created: " + table.name,
      {}};
}
json::object described(const TableRecord& table, const Snapshot& s) {
  json::object d = description(table, s.scope());
  add_sizes(d, s, table);
  return d;
}
Result<JsonOut> DescribeTable::run(const Authorized<In>& in, const Snapshot& s) {
  const auto table = s.get(table_key(in->table));
  if (!table) return no_table(in->table);
  return JsonOut{{{"Table", described(*table, s)}}};
}
namespace {
// The key of the items stays: it is sealed under a data key of the other KMS key, so that no item
// is written anew and the former KMS key is needed no more.
Result<Done> change_key(TableRecord& table, const Authorized<TableIn>& in, Staged& staged) {
  const std::string reference = key_reference(in->body);
  const bool own = reference == "alias/aws/dynamodb";
  if (own && table.kms_key_arn.empty())
    return validation(
        "One or more parameter values were invalid: Table is already encrypted by default");
  CHECK(check_key_kind(reference, in.ports(), staged.snapshot()));
  TRY(const Secret items_key, Table::items_key(table, staged.snapshot(), in.ports()));
  TRY(const DataKey key, in.ports().data_keys->generate(
                             reference, key_context(staged.snapshot().scope(), in->table), staged));
  if (!own && key.key_arn == table.kms_key_arn)
    return validation(
        "One or more parameter values were invalid: Table is already encrypted by given "
        "KMSMasterKeyId");
  table.sealed_items_key =
      base64(aead_seal_random(key.plain, items_key.expose(), items_key_purpose(table)));
  table.wrapped_data_key = base64(key.wrapped);
  table.kms_key_arn = own ? "" : key.key_arn;
  return Done{};
}
}  // namespace
Result<TableIn> UpdateTable::parse(const Request& request) {
  TRY(TableIn in, parse_table_in(request));
  const Fields fields(in.body);
  TableRecord scratch{.provisioned = true};
  CHECK(change_billing(in.body, scratch, 0));
  CHECK(one_of(in.body, "TableClass", {"STANDARD", "STANDARD_INFREQUENT_ACCESS"}));
  CHECK(fields.boolean("DeletionProtectionEnabled"));
  CHECK(asked_stream(in.body));
  CHECK(refuse_unbuilt(in.body));
  for (const char* member :
       {"ProvisionedThroughput", "BillingMode", "SSESpecification", "TableClass",
        "DeletionProtectionEnabled", "GlobalSecondaryIndexUpdates", "StreamSpecification"})
    if (fields.find(member)) return in;
  return validation(
      "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
      "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required");
}
Result<std::vector<Need>> UpdateTable::needs(const In& in, const Snapshot& s, const Ports& ports) {
  std::vector<Need> needs{table_need(action, in.table, s)};
  if (!Fields(in.body).find("SSESpecification")) return needs;
  CHECK(add_key_need(needs, in.table, s, ports));
  CHECK(add_new_key_needs(needs, in, s, ports));
  return needs;
}
Result<JsonOut> UpdateTable::run(const Authorized<In>& in, Staged& staged) {
  auto table = staged.get(table_key(in->table));
  if (!table) return no_table(in->table);
  CHECK(check_active(*table));
  const Fields fields(in->body);
  if (fields.find("BillingMode") || fields.find("ProvisionedThroughput"))
    CHECK(change_billing(in->body, *table, in.time()));
  if (fields.find("TableClass")) table->table_class = text_of(in->body, "TableClass");
  TRY(const auto protection, fields.boolean("DeletionProtectionEnabled"));
  if (protection) table->deletion_protection = *protection;
  if (fields.find("SSESpecification")) CHECK(change_key(*table, in, staged));
  TRY(const auto stream, asked_stream(in->body));
  if (stream) CHECK(set_stream(*stream, *table, in.time(), staged));
  IndexChange change;
  CHECK(change_indexes(in->body, *table, change));
  if (!change.created.empty())
    staged.enqueue({.queue = "dynamodb.backfill",
                    .event = members_of(BackfillEvent{in->table, change.created, ""})});
  if (!change.deleted.empty())
    staged.enqueue(
        {.queue = "dynamodb.purge", .event = members_of(PurgeEvent{"", {change.deleted}, false})});
  staged.put(table_key(in->table), *table);
  return JsonOut{{{"TableDescription", described(*table, staged.snapshot())}}};
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
  CHECK(check_active(*table));
  if (table->deletion_protection)
    return validation(
        "Resource cannot be deleted as it is currently protected against deletion. "
        "Disable deletion protection first.");
  const bool read_on = leave_streams(*table, in.time(), staged);
  erase_table(*table, staged, read_on);
  json::object d = description(*table, staged.snapshot().scope());
  for (const char* gone : {"CreationDateTime", "KeySchema", "AttributeDefinitions",
                           "LocalSecondaryIndexes", "GlobalSecondaryIndexes"})
    d.erase(gone);
  d["TableStatus"] = "DELETING";
  add_sizes(d, staged.snapshot(), *table);
  return JsonOut{{{"TableDescription", std::move(d)}}};
}

// The items' data key goes with the record, or a day later with its stream: nobody can read them
// any more. The purge erases them in the background.
void erase_table(const TableRecord& table, Staged& staged, bool keep_changes) {
  staged.erase(table_key(table.name));
  PurgeEvent purge{table.id, {}, !keep_changes};
  for (const IndexRecord& index : table.indexes) purge.index_ids.push_back(index.id);
  staged.enqueue({.queue = "dynamodb.purge", .event = members_of(purge)});
}

void start_purge(Store& store) {
  serve_erasing(store, "dynamodb.purge", [](const json::object& event) {
    const auto purge = members_from<PurgeEvent>(event);
    std::vector<Span> spans;
    if (!purge.table_id.empty()) spans.push_back(schema::span(items_of(purge.table_id)));
    for (const std::string& id : purge.index_ids) spans.push_back(schema::span(entries_of(id)));
    if (purge.changes) spans.push_back(schema::span(change_log(purge.table_id).entries()));
    return spans;
  });
}

}  // namespace sluice::dynamodb
