// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/expiry.h"

#include "base/bytes.h"
#include "base/random.h"
#include "request/audit.h"
#include "services/dynamodb/constraints.h"
#include "services/dynamodb/dynamodb.h"
#include "services/dynamodb/write_item.h"
#include "store/jobs.h"

namespace sluice::dynamodb {
namespace {
Result<std::pair<bool, std::string>> read_specification(const json::object& body) {
  Constraints constraints;
  TRY(const json::object* asked, Fields(body).object("TimeToLiveSpecification"));
  constraints.not_null(asked != nullptr, "timeToLiveSpecification");
  CHECK(constraints.met());
  TRY(const auto enabled, Fields(*asked).boolean("Enabled"));
  TRY(const auto attribute, Fields(*asked).text("AttributeName"));
  constraints.not_null(enabled.has_value(), "timeToLiveSpecification.enabled");
  constraints.not_null(attribute.has_value(), "timeToLiveSpecification.attributeName");
  if (attribute)
    constraints.length(*attribute, "timeToLiveSpecification.attributeName", 1, kKeyNameBytesMax);
  CHECK(constraints.met());
  return std::pair(*enabled, *attribute);
}
}  // namespace

Result<TableIn> UpdateTimeToLive::parse(const Request& request) {
  TRY(TableIn in, parse_table_in(request));
  CHECK(read_specification(in.body));
  return in;
}
Result<JsonOut> UpdateTimeToLive::run(const Authorized<In>& in, Staged& staged) {
  auto table = staged.get(table_key(in->table));
  if (!table) return no_table(in->table);
  TRY(const auto asked, read_specification(in->body));
  const auto& [enabled, attribute] = asked;
  const std::string& known = table->expiry.attribute;
  if (!known.empty() && known != attribute)
    return validation(
        "TimeToLive is active on a different AttributeName: current AttributeName is " + known);
  if (enabled == !known.empty())
    return validation("TimeToLive is already " + std::string(enabled ? "enabled" : "disabled"));
  table->expiry = {enabled ? attribute : "", in.time()};
  staged.put(table_key(in->table), *table);
  return JsonOut{{{"TimeToLiveSpecification",
                   json::object{{"Enabled", enabled}, {"AttributeName", attribute}}}}};
}
Result<JsonOut> DescribeTimeToLive::run(const Authorized<In>& in, const Snapshot& s) {
  const auto table = s.get(table_key(in->table));
  if (!table) return no_table(in->table);
  json::object d{{"TimeToLiveStatus", table->expiry.attribute.empty() ? "DISABLED" : "ENABLED"}};
  if (!table->expiry.attribute.empty()) d["AttributeName"] = table->expiry.attribute;
  return JsonOut{{{"TimeToLiveDescription", std::move(d)}}};
}

bool is_expired(const json::object& item, const std::string& attribute, Time now) {
  const json::value* value = item.if_contains(attribute);
  if (!value || type_of(*value) != "N") return false;
  // Parts of a second do not count.
  const std::string_view text(value->get_object().begin()->value().get_string());
  const auto seconds = parse_int(text.substr(0, text.find('.')));
  const int64_t today = now / 1000;
  return seconds && *seconds < today && *seconds > today - kExpiredYearsMax * 365 * 24 * 3600;
}

namespace {
constexpr size_t kExpiredBatchMax = 100;
constexpr auto kSweepEvery = std::chrono::minutes(1);

// The record of what DynamoDB deletes by itself.
std::string expiry_event(const Store& store, const TableRecord& table, int64_t count, Time at) {
  return service_event_record(
      {.source = service.event_source,
       .name = "DeleteExpiredItems",
       .agent = service.event_source,
       .user_identity = {{"type", "AWSService"}, {"invokedBy", service.event_source}},
       .read_only = false,
       .time = at,
       .resource_type = "AWS::DynamoDB::Table",
       .resource = table_arn(store.scope(), table.name),
       .details = {{"tableName", table.name}, {"itemCount", count}}},
      store.scope());
}

// An item that was written since it was found is looked at again.
bool delete_expired(Ports& ports, const TableRecord& record, const std::vector<std::string>& keys) {
  Store& store = *ports.store;
  const Time now = store.jobs().clock().calendar();
  Staged staged = store.stage();
  const auto table = Table::open(record.name, staged, ports);
  if (!table || table->id() != record.id) return false;
  // Another attribute may have been chosen meanwhile, or none.
  if (staged.look(table_key(record.name))->expiry.attribute != record.expiry.attribute)
    return false;
  int64_t count = 0;
  for (const std::string& key : keys) {
    OldItem old(*table, {Family::items, key}, staged);
    const auto item = old.read();
    if (!item || !*item || !is_expired(**item, record.expiry.attribute, now)) continue;
    if (!write_item(old, nullptr, By::expiry)) return false;
    ++count;
  }
  if (!count) return true;
  return store.commit(std::move(staged), {expiry_event(store, record, count, now)}).has_value();
}

// False: it was stopped.
bool sweep_table(Ports& ports, const TableRecord& record, const Stopping& stopping) {
  Store& store = *ports.store;
  const Snapshot snapshot = store.snapshot();
  const auto table = Table::open(record.name, snapshot, ports);
  if (!table) return true;  // its KMS key is disabled: nobody can read what expires
  const Time now = store.jobs().clock().calendar();
  std::vector<std::string> keys;
  bool stopped = false;
  snapshot.scan(table->keys().all(), "", false, [&](std::string_view key, std::string_view sealed) {
    if (stopping()) return !(stopped = true);
    const auto item = table->open_item(key, sealed);
    if (item && is_expired(*item, record.expiry.attribute, now)) keys.emplace_back(key);
    if (keys.size() == kExpiredBatchMax) {
      delete_expired(ports, record, keys);
      keys.clear();
    }
    return true;
  });
  if (!keys.empty() && !stopped) delete_expired(ports, record, keys);
  return !stopped;
}
}  // namespace

// Every item of a table is opened to see whether it has expired. That costs a hundredth of a core
// at most, however large the tables are.
void start_expiry(Ports& ports) {
  ports.store->jobs().recur(
      "the sweep of expired items", kSweepEvery, [&ports](const Stopping& stopping) {
        const int64_t began_us = monotonic_us();
        std::vector<TableRecord> tables;
        ports.store->snapshot().scan(RecordPrefix<TableRecord>{}, "", false,
                                     [&](std::string_view, TableRecord&& table) {
                                       if (!table.expiry.attribute.empty())
                                         tables.push_back(std::move(table));
                                       return true;
                                     });
        for (const TableRecord& table : tables)
          if (!sweep_table(ports, table, stopping)) break;
        const auto took = std::chrono::milliseconds((monotonic_us() - began_us) / 1000);
        return std::max<std::chrono::milliseconds>(kSweepEvery, took * 100);
      });
}

}  // namespace sluice::dynamodb
