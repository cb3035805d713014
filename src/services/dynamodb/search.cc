// SPDX-License-Identifier: Apache-2.0
// Query and Scan: pages of at most 1 MB, counted before the filter.
#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "services/dynamodb/codec.h"
#include "services/dynamodb/constraints.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/item_text.h"
#include "services/dynamodb/items.h"
#include "services/dynamodb/legacy.h"
#include "services/dynamodb/partiql_parser.h"

namespace sluice::dynamodb {
namespace {
// What is searched: a table, or one of its indexes.
struct Searched {
  const Table& table;
  const IndexRecord* index;  // nullptr: the table itself
  KeySpace keys;
  // Whether the index lacks what is asked for, so that each item is read from the table too.
  bool fetches = false;
};
struct Progress : SearchPage {
  size_t part = 0;
  std::optional<Error> error;
  JsonWriter written;  // the items, where they are shown as they are stored
};
// A page that is full tells where it ends, even when nothing comes after it: AWS does not look.
bool is_full(const SearchIn& in, const Progress& p) {
  return (in.limit && p.scanned == in.limit) || p.bytes > kPageBytesMax;
}

// Whether every item that is looked at is shown as it is stored, so that none needs a tree.
bool shows_all(const SearchIn& in, const Searched& searched) {
  return in.written && !in.filter && in.projection.empty() && !in.count_only && !searched.fetches;
}
// The key that a page ends with.
json::object last_key(const Searched& searched, const json::object& item) {
  return searched.index ? entry_key_attributes(searched.table, *searched.index, item)
                        : searched.table.key_attributes(item);
}

// The whole item of an entry.
Result<json::object> fetch(const Table& table, const json::object& entry, const SearchIn& in,
                           const Snapshot& s, Progress& p) {
  TRY(const Key key, table.key_of(table.key_attributes(entry), true));
  const auto sealed = s.get(key);
  if (!sealed) return entry;
  TRY(json::object item, table.open_item(key.bytes, *sealed));
  p.bytes += item_bytes(item);
  p.fetched_units += read_units(item_bytes(item), bool_of(in.body, "ConsistentRead"));
  return item;
}
Result<Done> take_written(const SearchIn& in, const Searched& searched, std::string_view key,
                          std::string_view sealed, Progress& p) {
  TRY(const std::string stored, searched.table.open_text(sealed, key));
  TRY(const size_t bytes, write_stored_item(p.written, stored));
  p.bytes += bytes;
  ++p.scanned;
  ++p.matched;
  if (!is_full(in, p)) return Done{};
  TRY(const json::object item, decode_item(stored, json_arena(stored.size() * 4)));
  p.last = last_key(searched, item);
  return Done{};
}
Result<Done> take_item(const SearchIn& in, const Searched& searched, const Snapshot& s,
                       std::string_view key, std::string_view sealed, Progress& p) {
  const Table& table = searched.table;
  TRY(json::object item, table.open_item(key, sealed));
  p.bytes += item_bytes(item);
  bool matches = true;
  if (in.statement) matches = !in.filter || evaluate(*in.filter, item);
  if (searched.fetches) {
    TRY(item, fetch(table, item, in, s, p));
  }
  ++p.scanned;
  if (is_full(in, p)) p.last = last_key(searched, item);
  if (!in.statement) matches = !in.filter || evaluate(*in.filter, item);
  if (!matches) return Done{};
  ++p.matched;
  if (in.statement)
    p.items.push_back(columns_of(item, in.projection));
  else if (!in.count_only)
    p.items.push_back(project(item, in.projection));
  return Done{};
}
// Takes one stored item into the page; false ends the page.
bool take(const SearchIn& in, const Searched& searched, const Snapshot& s, std::string_view key,
          std::string_view sealed, Progress& p) {
  if (is_full(in, p)) return false;
  p.last_part = p.part;
  const auto taken = shows_all(in, searched) ? take_written(in, searched, key, sealed, p)
                                             : take_item(in, searched, s, key, sealed, p);
  if (!taken) p.error = taken.error();
  return taken.has_value();
}

// The attributes of these paths that an index does not hold.
std::vector<std::string> missing_in(const IndexRecord& index, const Table& table,
                                    const std::vector<Path>& paths) {
  std::vector<std::string> missing;
  for (const Path& path : paths)
    if (const std::string& name = std::get<std::string>(path.front());
        !projects(index, table, name))
      missing.push_back(name);
  return missing;
}
bool filters_by_more(const Node& node, const IndexRecord& index, const Table& table) {
  if (!node.path.empty() && !missing_in(index, table, {node.path}).empty()) return true;
  return std::any_of(node.children.begin(), node.children.end(),
                     [&](const auto& child) { return filters_by_more(*child, index, table); });
}
Result<Searched> find_searched(const SearchIn& in, const Table& table) {
  Searched searched{table, nullptr, table.keys()};
  if (in.index.empty()) return searched;
  const IndexRecord* index = find_index(table.indexes(), in.index);
  if (!index) return validation("The table does not have the specified index: " + in.index);
  if (index->global && bool_of(in.body, "ConsistentRead"))
    return validation("Consistent reads are not supported on global secondary indexes");
  if (index->backfilling)
    return validation("Cannot read from backfilling global secondary index: " + in.index);
  searched.index = index;
  searched.keys = keys_of(*index);
  const bool whole = text_of(in.body, "Select") == "ALL_ATTRIBUTES";
  const std::vector<std::string> missing = missing_in(*index, table, in.projection);
  if (!index->global) {
    searched.fetches = (whole && index->projection != "ALL") || !missing.empty() ||
                       (in.filter && !in.statement && filters_by_more(*in.filter, *index, table));
    return searched;
  }
  if (whole && index->projection != "ALL")
    return validation(
        "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported "
        "for global secondary index " +
        in.index + " because its projection type is not ALL");
  if (missing.empty()) return searched;
  std::string names;
  for (const std::string& name : missing) names += (names.empty() ? "" : ", ") + name;
  return validation("One or more parameter values were invalid: Global secondary index " +
                    in.index + " does not project [" + names + "]");
}

Result<Done> read_legacy(SearchIn& in, bool query) {
  TRY(in.projection, legacy_projection(in.body));
  TRY(Condition filter, legacy_condition(in.body, query ? "QueryFilter" : "ScanFilter"));
  in.filter = std::move(filter);
  if (!query) return Done{};
  TRY(const json::object* key, Fields(in.body).object("KeyConditions"));
  if (!key && !Fields(in.body).find("KeyConditionExpression"))
    return validation(
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
        "request.");
  if (key) {
    TRY(in.key, legacy_key_condition(*key));
  }
  return Done{};
}
// The expressions in AWS's order, so that the same one of several faults is reported.
Result<Done> read_expressions(SearchIn& in, bool query) {
  const Fields fields(in.body);
  TRY(Placeholders placeholders, Placeholders::parse(in.body));
  TRY(const auto key, fields.text("KeyConditionExpression"));
  TRY(const auto filter, fields.text("FilterExpression"));
  TRY(const auto projection, fields.text("ProjectionExpression"));
  Condition key_condition;
  if (query && key) {
    TRY(key_condition, parse_condition(*key, "KeyConditionExpression", placeholders));
  }
  if (filter) {
    TRY(Condition parsed, parse_condition(*filter, "FilterExpression", placeholders));
    in.filter = std::move(parsed);
  }
  if (projection) {
    TRY(in.projection, parse_projection(*projection, placeholders));
  }
  CHECK(placeholders.all_used());
  if (key_condition) {
    TRY(in.key, read_key_condition(*key_condition));
  }
  return Done{};
}
Result<Done> read_select(SearchIn& in, bool query) {
  CHECK(one_of(in.body, "Select",
               {"SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"}));
  CHECK(one_of(in.body, "ReturnConsumedCapacity", {"INDEXES", "TOTAL", "NONE"}));
  const std::string select = text_of(in.body, "Select");
  in.count_only = select == "COUNT";
  if (select == "ALL_PROJECTED_ATTRIBUTES" && in.index.empty())
    return validation("ALL_PROJECTED_ATTRIBUTES can be used only when " +
                      std::string(query ? "Querying" : "Scanning") + " using an IndexName");
  if (select == "SPECIFIC_ATTRIBUTES" && in.projection.empty())
    return validation(
        "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
        "SPECIFIC_ATTRIBUTES");
  if (!in.projection.empty() && (in.count_only || select.starts_with("ALL_")))
    return validation(
        "Cannot specify the " +
        std::string(Fields(in.body).find("AttributesToGet") ? "AttributesToGet"
                                                            : "ProjectionExpression") +
        " when choosing to get " + (in.count_only ? std::string("only the Count") : select));
  return Done{};
}

// A Query's filter sees the items after the key condition: the key has no place in it.
const std::string* key_in_filter(const Node& node, const KeySpace& keys) {
  if (node.op == "path")
    for (const std::string* name : {&keys.hash.name, &keys.range.name})
      if (!name->empty() && std::get<std::string>(node.path[0]) == *name) return name;
  for (const auto& child : node.children)
    if (const std::string* found = key_in_filter(*child, keys)) return found;
  return nullptr;
}
}  // namespace

template <class Self>
Result<SearchIn> Searches<Self>::parse(const Request& request) {
  constexpr bool kQuery = std::is_same_v<Self, Query>;
  SearchIn in{.written = true};
  TRY(in.body, parse_json_object(request.body));
  TRY(in.table, table_name_of(in.body));
  const Fields fields(in.body);
  TRY(const auto limit, fields.integer("Limit"));
  TRY(const auto index, fields.text("IndexName"));
  if (index) {
    Constraints constraints;
    constraints.length(*index, "indexName", 3, 255);
    CHECK(constraints.met());
    in.index = *index;
  }
  if (limit && *limit < 1)  // AWS words it differently for the two
    return validation("1 validation error detected: Value " +
                      (kQuery ? "at 'Limit'" : "'" + std::to_string(*limit) + "' at 'limit'") +
                      " failed to satisfy constraint: Member must have value greater than or equal "
                      "to 1");
  in.limit = limit.value_or(0);
  if (kQuery) {
    in.backwards = fields.find("ScanIndexForward") && !bool_of(in.body, "ScanIndexForward");
    CHECK(check_parameters(
        in.body, {"ProjectionExpression", "FilterExpression", "KeyConditionExpression"},
        {"AttributesToGet", "QueryFilter", "ConditionalOperator", "KeyConditions"}));
  } else {
    CHECK(check_parameters(in.body, {"ProjectionExpression", "FilterExpression"},
                           {"AttributesToGet", "ScanFilter", "ConditionalOperator"}));
  }
  CHECK(read_legacy(in, kQuery));
  CHECK(read_expressions(in, kQuery));
  CHECK(read_select(in, kQuery));
  TRY(const json::object* start, fields.object("ExclusiveStartKey"));
  if (start) {
    in.start = *start;
    CHECK(check_item(in.start));
  }
  TRY(const auto segment, fields.integer("Segment"));
  TRY(const auto segments, fields.integer("TotalSegments"));
  if (segments && !segment)
    return validation(
        "The Segment parameter is required but was not present in the request when parameter "
        "TotalSegments is present");
  if (segment && !segments)
    return validation(
        "The TotalSegments parameter is required but was not present in the request when Segment "
        "parameter is present");
  in.segment = segment.value_or(0);
  in.segments = segments.value_or(1);
  const auto bound = [](int64_t value, const char* member, const char* rule) {
    return validation("1 validation error detected: Value '" + std::to_string(value) + "' at '" +
                      member + "' failed to satisfy constraint: Member must have value " + rule);
  };
  if (in.segments < 1) return bound(in.segments, "totalSegments", "greater than or equal to 1");
  if (in.segments > kSegmentsMax)
    return bound(in.segments, "totalSegments", "less than or equal to 1000000");
  if (in.segment < 0) return bound(in.segment, "segment", "greater than or equal to 0");
  if (in.segment >= in.segments)
    return validation(
        "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
        "Segment: " +
        std::to_string(in.segment) +
        " is not less than TotalSegments: " + std::to_string(in.segments));
  return in;
}

template <class Self>
json::value Searches<Self>::audit(const In& in) {
  json::object shown{{"tableName", in.table}};
  if (!in.index.empty()) shown["indexName"] = in.index;
  if (const json::value options = shown_options(in.body); options.is_object())
    for (const auto& [name, value] : options.get_object()) shown[name] = value;
  if (!in.start.empty()) shown["exclusiveStartKey"] = plain_key(in.start);
  return shown;
}

namespace {
int64_t segment_of(std::string_view key, int64_t segments) {
  return static_cast<int64_t>(std::hash<std::string>{}(schema::parts(key).at(1)) %
                              static_cast<size_t>(segments));
}
// Narrows `span` to what comes after ExclusiveStartKey.
// ExclusiveStartKey has the keys of the table, and those of the index that is searched.
Result<Key> start_key(const SearchIn& in, const Searched& searched) {
  const Error invalid = validation("The provided starting key is invalid");
  if (!searched.index) {
    auto key = searched.table.key_of(in.start, true);
    if (!key) return validation(invalid.message + ": " + key.error().message);
    return key;
  }
  const KeySpace &own = searched.keys, &of_table = searched.table.keys();
  std::set<std::string> names;
  for (const KeySpace* keys : {&own, &of_table})
    for (const KeyAttribute* attribute : {&keys->hash, &keys->range})
      if (!attribute->name.empty()) names.insert(attribute->name);
  const bool whole = std::all_of(names.begin(), names.end(),
                                 [&](const std::string& name) { return in.start.contains(name); });
  auto key = whole && names.size() == in.start.size()
                 ? entry_key(searched.table, *searched.index, in.start)
                 : std::nullopt;
  return key ? Result<Key>(*std::move(key)) : invalid;
}
// Narrows `span` to what comes after ExclusiveStartKey.
Result<Done> start_after(const SearchIn& in, const Searched& searched, Span& span) {
  TRY(const Key start, start_key(in, searched));
  if (in.segments > 1 && segment_of(start.bytes, in.segments) != in.segment)
    return validation(
        "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
        "ExclusiveStartKey with correct Segment. TotalSegments: " +
        std::to_string(in.segments) + " Segment: " + std::to_string(in.segment));
  if (start.bytes < span.low || start.bytes >= span.high)
    return validation(
        in.key.size() > 1
            ? "The provided starting key does not match the range key predicate"
            : "The provided starting key is outside query boundaries based on provided conditions");
  if (in.backwards)
    span.high = start.bytes;
  else
    span.low = schema::after(start.bytes);
  return Done{};
}
}  // namespace

template <class Self>
Result<std::vector<Need>> Searches<Self>::needs(const In& in, const Snapshot& s,
                                                const Ports& ports) {
  CallContext context(in.table, s);
  for (const KeyPredicate& one : in.key) context.add_path({one.attribute});
  context.add_paths(in.filter.get());
  context.add_paths(in.projection);
  context.set_select(in.projection, text_of(in.body, "Select"), !in.index.empty());
  context.set_option(in.body, "ReturnValues");
  context.set_option(in.body, "ReturnConsumedCapacity");
  const auto table = s.get(table_key(in.table));
  if (table) {
    const IndexRecord* index = find_index(table->indexes, in.index);
    // A page tells the keys of its last item, whatever it projects.
    context.add_keys(table->hash, table->range);
    if (index) context.add_keys(index->hash, index->range);
    if (const json::value* key = wanted_partition(in.key, index ? index->hash : table->hash))
      context.add_leading_key(*key);
  }
  Need need = table_need(Self::action, in.table, s, context.take());
  if (!in.index.empty()) need.resource += "/index/" + in.index;
  if (std::is_same_v<Self, Scan>) need.context["dynamodb:fulltablescan"] = {"true"};
  std::vector<Need> needs = list_of(std::move(need));
  CHECK(add_key_need(needs, in.table, s, ports));
  return needs;
}

namespace {
// What of a table or index one search looks at.
Result<Span> span_of(const SearchIn& in, const Searched& searched) {
  Span span = in.span.value_or(schema::span(searched.keys.all()));
  if (!in.key.empty()) {
    TRY(span, wanted_span(in.key, searched.keys));
    if (in.filter)
      if (const std::string* name = key_in_filter(*in.filter, searched.keys))
        return validation(
            std::string(Fields(in.body).find("QueryFilter") ? "QueryFilter" : "Filter Expression") +
            " can only contain non-primary key attributes: Primary key attribute: " + *name);
  }
  if (!in.start.empty()) CHECK(start_after(in, searched, span));
  return span;
}
}  // namespace

Result<SearchPage> search(std::span<const SearchIn> parts, const Table& table, const Snapshot& s) {
  const SearchIn& first = parts.front();
  TRY(const Searched searched, find_searched(first, table));
  Progress p;
  const bool written = shows_all(first, searched);
  if (written) p.written.begin_array();
  for (; p.part < parts.size() && !is_full(first, p) && !p.error; ++p.part) {
    const SearchIn& in = parts[p.part];
    TRY(const Span span, span_of(in, searched));
    s.scan(span, in.backwards, [&](std::string_view key, std::string_view sealed) {
      if (in.segments > 1 && segment_of(key, in.segments) != in.segment) return true;
      return take(in, searched, s, key, sealed, p);
    });
  }
  if (p.error) return *p.error;
  if (wants_consumed(first.body)) {
    const double units = read_units(p.bytes, bool_of(first.body, "ConsistentRead"));
    Cost cost{searched.index ? p.fetched_units : units};
    if (searched.index) cost.add_index(*searched.index, units);
    p.cost = cost.shown(first.table, first.body);
  }
  p.more = is_full(first, p);
  if (written) p.written_items = p.written.end_array().take();
  return SearchPage(std::move(p));
}
template <class Self>
Result<JsonOut> Searches<Self>::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const Table table, Table::open(in->table, s, in.ports()));
  TRY(SearchPage page, search(std::span(&*in, 1), table, s));
  JsonOut out{{{"Count", page.matched}, {"ScannedCount", page.scanned}}};
  if (!page.written_items.empty())
    out.written = {"Items", std::move(page.written_items)};
  else if (!in->count_only)
    out.body["Items"] = std::move(page.items);
  if (page.more) out.body["LastEvaluatedKey"] = std::move(page.last);
  if (!page.cost.empty()) out.body["ConsumedCapacity"] = std::move(page.cost);
  return out;
}
template struct Searches<Query>;
template struct Searches<Scan>;

}  // namespace sluice::dynamodb
