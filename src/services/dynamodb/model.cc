// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/model.h"

#include "base/bytes.h"
#include "base/json_writer.h"
#include "services/dynamodb/codec.h"
#include "services/dynamodb/constraints.h"
#include "store/jobs.h"

namespace sluice::dynamodb {

Result<std::string> table_name_of(const json::object& body) {
  TRY(const auto given, Fields(body).text("TableName"));
  Constraints constraints;
  constraints.not_null(given.has_value(), "tableName");
  std::string name = given.value_or("");
  if (const auto arn = parse_arn(name);
      arn && arn->service == "dynamodb" && arn->resource.starts_with("table/"))
    name = arn->resource.substr(6);
  if (given) {
    constexpr const char* kLetters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    constraints.check(name.find_first_not_of(kLetters) == std::string::npos, name, "tableName",
                      "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
    constraints.length(name, "tableName", 3, 255);
  }
  CHECK(constraints.met());
  return name;
}
std::string table_arn(const Scope& scope, std::string_view name) {
  return make_arn(scope, "dynamodb", "table/" + std::string(name));
}
Need table_need(std::string_view action, std::string_view name, const Snapshot& snapshot,
                policy::Context context) {
  const std::string arn = table_arn(snapshot.scope(), name);
  Need need{std::string(action), arn, std::move(context), {}, "AWS::DynamoDB::Table"};
  if (const auto table = snapshot.get(table_key(name))) {
    need.policies = table->policy.on(arn);
    for (const auto& [key, value] : table->tags)
      need.context["aws:resourcetag/" + lower(key)] = {value};
  }
  return need;
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
}  // namespace
std::string through_dynamodb(const Scope& scope) {
  return "dynamodb." + scope.region + ".amazonaws.com";
}
Error no_table(const std::string& name) {
  return {400,
          "ResourceNotFoundException",
          "Requested resource not found: Table: " + name + " not found",
          {}};
}
Result<Done> add_key_need(std::vector<Need>& needs, const std::string& table,
                          const Snapshot& snapshot, const Ports& ports) {
  const auto record = snapshot.get(table_key(table));
  return record ? add_key_need(needs, *record, snapshot, ports) : Done{};
}
Result<Done> add_key_need(std::vector<Need>& needs, const TableRecord& table,
                          const Snapshot& snapshot, const Ports& ports) {
  if (table.kms_key_arn.empty()) return Done{};
  auto need = ports.data_keys->need("kms:Decrypt", table.kms_key_arn,
                                    key_context(snapshot.scope(), table.name),
                                    through_dynamodb(snapshot.scope()), snapshot);
  if (!need) return key_refused(need.error());
  if (!*need) return Done{};
  // AWS keeps the key of a table for minutes, and KMS records none of the calls meanwhile.
  (*need)->resource_type.clear();
  needs.push_back(**std::move(need));
  return Done{};
}

Table::Table(std::shared_ptr<const TableRecord> record, const Secret& items_key, Time opened)
    : record_(std::move(record)),
      keys_{"i",
            record_->id,
            {record_->hash, record_->hash_type},
            {record_->range, record_->range_type}},
      aead_(items_key),
      opened_(opened) {}
std::string items_key_purpose(const TableRecord& record) {
  return "the key of the items of table " + record.id;
}
Result<Secret> Table::items_key(const TableRecord& record, const Snapshot& snapshot,
                                const Ports& ports) {
  const auto key = ports.data_keys->unwrap(unbase64(record.wrapped_data_key).value_or(""),
                                           key_context(snapshot.scope(), record.name), snapshot);
  if (!key) return key_refused(key.error());
  if (record.sealed_items_key.empty()) return *key;
  auto items_key = aead_open_random(*key, unbase64(record.sealed_items_key).value_or(""),
                                    items_key_purpose(record));
  if (!items_key)
    return Error{500, "InternalServerError", "The seal of the table's key is broken.", {}};
  return Secret(*std::move(items_key));
}
Result<Table> Table::open(std::shared_ptr<const TableRecord> record, const Snapshot& snapshot,
                          const Ports& ports) {
  if (!record) return Error{400, "ResourceNotFoundException", "Requested resource not found", {}};
  TRY(const Secret key, items_key(*record, snapshot, ports));
  return Table(std::move(record), key, ports.store->jobs().clock().calendar());
}
namespace {
// A table that is being filled is not there yet for those who use it by its name.
std::shared_ptr<const TableRecord> active(std::shared_ptr<const TableRecord> record) {
  return record && record->filled_by.empty() ? std::move(record) : nullptr;
}
}  // namespace
Result<Table> Table::open(const std::string& name, const Snapshot& snapshot, const Ports& ports) {
  return open(active(snapshot.get(table_key(name))), snapshot, ports);
}
Result<Table> Table::open(const std::string& name, Staged& staged, const Ports& ports) {
  return open(active(staged.look(table_key(name))), staged.snapshot(), ports);
}

namespace {
template <class Value>
Result<std::string> encoded_key(const KeyAttribute& attribute, const Value& value, bool is_hash) {
  const auto& [name, type] = attribute;
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
const json::value* find_in(const json::object& item, std::string_view name) {
  return item.if_contains(name);
}
std::optional<PackedValue> find_in(const PackedItem& item, std::string_view name) {
  return item.find(name);
}
}  // namespace
Result<std::string> encode_key(const KeyAttribute& attribute, const json::value& value,
                               bool is_hash) {
  return encoded_key(attribute, value, is_hash);
}
template <class Item>
Result<Key> Table::key_from(const Item& item, bool exact) const {
  std::string bytes[2];
  const bool ranged = !keys_.range.name.empty();
  const auto mismatch = [] {
    return validation("The provided key element does not match the schema");
  };
  if (exact && item.size() != (ranged ? 2u : 1u)) return mismatch();
  for (int i = 0; i < (ranged ? 2 : 1); ++i) {
    const KeyAttribute& attribute = i == 0 ? keys_.hash : keys_.range;
    const auto value = find_in(item, attribute.name);
    if (!value)
      return exact ? mismatch()
                   : validation("One or more parameter values were invalid: Missing the key " +
                                attribute.name + " in the item");
    if (exact && type_of(*value) != attribute.type) return mismatch();
    TRY(bytes[i], encoded_key(attribute, *value, i == 0));
  }
  return ranged ? item_key(id(), bytes[0], bytes[1]) : item_key(id(), bytes[0]);
}
Result<Key> Table::key_of(const json::object& item, bool exact) const {
  return key_from(item, exact);
}
Result<Key> Table::key_of(const PackedItem& item, bool exact) const {
  return key_from(item, exact);
}
std::string Table::seal(const Key& key, const json::object& item) const {
  return seal_text(encode_item(item), key.bytes);
}
std::string Table::seal(const Key& key, const PackedItem& item) const {
  return seal_text(item.bytes(), key.bytes);
}
Result<json::object> Table::open_item(std::string_view key_bytes, std::string_view sealed) const {
  TRY(const std::string plain, open_text(sealed, key_bytes));
  return decode_item(plain, json_arena(plain.size() * 4));
}
std::string Table::seal_text(std::string_view text, std::string_view bound_to) const {
  return aead_.seal_random(text, bound_to);
}
Result<std::string> Table::open_text(std::string_view sealed, std::string_view bound_to) const {
  auto plain = aead_.open_random(sealed, bound_to);
  if (!plain)
    return Error{500, "InternalServerError", "The item's seal is broken. Run: sluice verify", {}};
  return *std::move(plain);
}
json::object Table::key_attributes(const json::object& item) const {
  json::object key{{keys_.hash.name, item.at(keys_.hash.name)}};
  if (!keys_.range.name.empty()) key[keys_.range.name] = item.at(keys_.range.name);
  return key;
}

namespace {
std::string text_of(const JsonOut& out) {
  if (out.written.first.empty()) return json::serialize(out.body);
  JsonWriter text(out.written.second.size() + 256);
  text.begin_object().name(out.written.first).written(out.written.second);
  for (const auto& [name, value] : out.body) text.name(name).written(json::serialize(value));
  return text.end_object().take();
}
}  // namespace
Response render_json(const JsonOut& out) {
  Response r{200, {}, text_of(out), nullptr, 0};
  Digest crc(Digest::Algorithm::crc32);
  crc.update(r.body);
  uint64_t value = 0;
  for (char c : crc.finish()) value = value << 8 | static_cast<uint8_t>(c);
  r.headers.add("x-amz-crc32", std::to_string(value));
  return r;
}

}  // namespace sluice::dynamodb
