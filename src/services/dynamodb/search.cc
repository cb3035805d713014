// SPDX-License-Identifier: Apache-2.0
// Query and Scan: pages of at most 1 MB, counted before the filter.
#include <cmath>

#include "base/bytes.h"
#include "services/dynamodb/items.h"
#include "services/dynamodb/legacy.h"

namespace sluice::dynamodb {
namespace {
struct Progress {
  json::array items;
  json::object last;
  size_t bytes = 0;
  int64_t scanned = 0, matched = 0;
  bool more = false;
  std::optional<Error> error;
};

// Takes one stored item into the page; false ends the page.
bool take(const SearchIn& in, const Table& table, std::string_view key, std::string_view sealed,
          Progress& p) {
  if ((in.limit && p.scanned == in.limit) || p.bytes > kPageBytesMax) {
    p.more = true;
    return false;
  }
  auto item = table.open_item(key, sealed);
  if (!item) {
    p.error = item.error();
    return false;
  }
  ++p.scanned;
  p.bytes += item_bytes(*item);
  p.last = table.key_attributes(*item);
  if (in.filter && !evaluate(*in.filter, *item)) return true;
  ++p.matched;
  if (!in.count_only) p.items.push_back(project(*item, in.projection));
  return true;
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
  if (select == "ALL_PROJECTED_ATTRIBUTES")
    return validation("ALL_PROJECTED_ATTRIBUTES can be used only when " +
                      std::string(query ? "Querying" : "Scanning") + " using an IndexName");
  if (select == "SPECIFIC_ATTRIBUTES" && in.projection.empty())
    return validation(
        "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
        "SPECIFIC_ATTRIBUTES");
  if (!in.projection.empty() && (in.count_only || select == "ALL_ATTRIBUTES"))
    return validation("Cannot specify the " +
                      std::string(Fields(in.body).find("AttributesToGet")
                                      ? "AttributesToGet"
                                      : "ProjectionExpression") +
                      " when choosing to get " +
                      std::string(in.count_only ? "only the Count" : "ALL_ATTRIBUTES"));
  return Done{};
}

// A Query's filter sees the items after the key condition: the key has no place in it.
const std::string* key_in_filter(const Node& node, const Table& table) {
  if (node.op == "path")
    for (const std::string* name : {&table.hash.name, &table.range.name})
      if (!name->empty() && std::get<std::string>(node.path[0]) == *name) return name;
  for (const auto& child : node.children)
    if (const std::string* found = key_in_filter(*child, table)) return found;
  return nullptr;
}
}  // namespace

template <class Self>
Result<SearchIn> Searches<Self>::parse(const Request& request) {
  constexpr bool kQuery = std::is_same_v<Self, Query>;
  SearchIn in;
  TRY(in.body, parse_json_object(request.body));
  TRY(in.table, table_name_of(in.body));
  const Fields fields(in.body);
  TRY(const auto limit, fields.integer("Limit"));
  if (fields.find("IndexName"))
    return validation("Secondary indexes are not implemented by Sluice yet.");
  if (limit && *limit < 1)
    return validation("1 validation error detected: Value '" + std::to_string(*limit) +
                      "' at 'limit' failed to satisfy constraint: Member must have value greater "
                      "than or equal to 1");
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
Result<Done> start_after(const SearchIn& in, const Table& table, Span& span) {
  const auto start = table.key_of(in.start, true);
  if (!start) return validation("The provided starting key is invalid: " + start.error().message);
  if (in.segments > 1 && segment_of(start->bytes, in.segments) != in.segment)
    return validation(
        "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
        "ExclusiveStartKey with correct Segment. TotalSegments: " +
        std::to_string(in.segments) + " Segment: " + std::to_string(in.segment));
  if (start->bytes < span.low || start->bytes >= span.high)
    return validation(
        in.key.size() > 1
            ? "The provided starting key does not match the range key predicate"
            : "The provided starting key is outside query boundaries based on provided conditions");
  if (in.backwards)
    span.high = start->bytes;
  else
    span.low = schema::after(start->bytes);
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
  context.set_select(in.body, in.projection);
  context.set_option(in.body, "ReturnValues");
  context.set_option(in.body, "ReturnConsumedCapacity");
  const auto table = s.get(table_key(in.table));
  if (table)
    if (const json::value* key = wanted_partition(in.key, table->hash))
      context.add_leading_key(*key);
  Need need = table_need(Self::action, in.table, s, context.take());
  if (std::is_same_v<Self, Scan>) need.context["dynamodb:fulltablescan"] = {"true"};
  std::vector<Need> needs{std::move(need)};
  CHECK(add_key_need(needs, in.table, s, ports));
  return needs;
}

template <class Self>
Result<JsonOut> Searches<Self>::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const Table table, Table::open(in->table, s, in.ports()));
  Span span = schema::span(table.all());
  if (!in->key.empty()) {
    TRY(span, wanted_span(in->key, table));
    if (in->filter)
      if (const std::string* name = key_in_filter(*in->filter, table))
        return validation(
            std::string(Fields(in->body).find("QueryFilter") ? "QueryFilter"
                                                             : "Filter Expression") +
            " can only contain non-primary key attributes: Primary key attribute: " + *name);
  }
  if (!in->start.empty()) CHECK(start_after(*in, table, span));
  Progress p;
  s.scan(span, in->backwards, [&](std::string_view key, std::string_view sealed) {
    if (in->segments > 1 && segment_of(key, in->segments) != in->segment) return true;
    return take(*in, table, key, sealed, p);
  });
  if (p.error) return *p.error;
  JsonOut out{{{"Count", p.matched}, {"ScannedCount", p.scanned}}};
  if (!in->count_only) out.body["Items"] = std::move(p.items);
  if (p.more) out.body["LastEvaluatedKey"] = std::move(p.last);
  if (const std::string v = text_of(in->body, "ReturnConsumedCapacity");
      v == "TOTAL" || v == "INDEXES")
    out.body["ConsumedCapacity"] =
        consumed(in->table,
                 std::max(0.5, std::ceil(static_cast<double>(p.bytes) / 4096) *
                                   (bool_of(in->body, "ConsistentRead") ? 1 : 0.5)),
                 in->body);
  return out;
}
template struct Searches<Query>;
template struct Searches<Scan>;

}  // namespace sluice::dynamodb
