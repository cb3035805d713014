// SPDX-License-Identifier: Apache-2.0
#pragma once
// PutItem, GetItem, UpdateItem, DeleteItem, BatchWriteItem, BatchGetItem, Query and Scan. Errors:
// ValidationException, ResourceNotFoundException, ConditionalCheckFailedException,
// AccessDeniedException (for the key of the table).
//
//   constexpr auto rows = table<PutItem, GetItem, DeleteItem, Query, Scan>();   // dynamodb.cc
#include <set>

#include "services/dynamodb/item_in.h"
#include "services/dynamodb/key_condition.h"
#include "services/dynamodb/tables.h"
#include "services/dynamodb/update.h"

namespace sluice::dynamodb {

// The condition keys of a call: which attributes and which partition keys it names. When a call
// leaves an option out, its condition key has the default: Select is ALL_ATTRIBUTES, ReturnValues
// and ReturnConsumedCapacity are NONE. Source: Developer Guide, "Using IAM policy conditions for
// fine-grained access control".
class CallContext {
 public:
  CallContext(const std::string& table, const Snapshot& snapshot);
  // Adds the attributes of an item or of a key, and its partition key.
  void add_item(const json::object& item);
  void add_item(const PackedItem& item);
  void add_leading_key(const json::value& key);
  void add_keys(const std::string& hash, const std::string& range);  // their names; "": none
  void add_path(const Path& path);
  void add_paths(const std::vector<Path>& paths);
  void add_paths(const Node* expression);
  void add_paths(const Update& update);
  // `asked` is the Select of a Query or a Scan, that no other operation has.
  void set_select(const std::vector<Path>& projection, std::string_view asked = {},
                  bool of_index = false);
  void set_option(const json::object& body, const char* member);
  policy::Context take() { return std::move(context_); }

 private:
  void add_name(std::string_view name);
  std::string hash_;  // the name of the table's partition key; "" when there is no table
  policy::Context context_;
  std::set<std::string, std::less<>> names_;  // the attributes that are in it
};

// What a condition that fails tells of the item is a return value like others: the last need is
// asked for a second time, with dynamodb:ReturnValues ALL_OLD.
void add_disclosure_need(std::vector<Need>& needs, const json::object& body);

template <class Self>
struct OnItem {
  static constexpr bool data_event = true;
  using In = ItemIn;
  using Out = JsonOut;
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Response render(const Out& out) { return render_json(out); }
  // Shows keys with their values, and only the names of other attributes.
  static json::value audit(const In& in, const Snapshot& s);
};
// What these operations do once they are allowed: PartiQL statements do it, too.
Result<JsonOut> put_item(const ItemIn& in, Staged& staged, const Ports& ports);
Result<JsonOut> delete_item(const ItemIn& in, Staged& staged, const Ports& ports);
Result<JsonOut> update_item(const ItemIn& in, Staged& staged, const Ports& ports);
Result<JsonOut> get_item(const ItemIn& in, const Snapshot& s, const Ports& ports);

struct PutItem : OnItem<PutItem> {
  static constexpr std::string_view name = "PutItem", action = "dynamodb:PutItem";
  static constexpr bool queues = true;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct DeleteItem : OnItem<DeleteItem> {
  static constexpr std::string_view name = "DeleteItem", action = "dynamodb:DeleteItem";
  static constexpr bool queues = true;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct UpdateItem : OnItem<UpdateItem> {
  static constexpr std::string_view name = "UpdateItem", action = "dynamodb:UpdateItem";
  static constexpr bool queues = true;
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct GetItem : OnItem<GetItem> {
  static constexpr std::string_view name = "GetItem", action = "dynamodb:GetItem";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

struct Write {
  bool put = true;
  PackedItem item;  // or the key of what is deleted
};
template <class Self>
struct OnTables {
  static constexpr bool data_event = true;
  using Out = JsonOut;
  static Response render(const Out& out) { return render_json(out); }
};
struct BatchWriteItem : OnTables<BatchWriteItem> {
  static constexpr std::string_view name = "BatchWriteItem", action = "dynamodb:BatchWriteItem";
  static constexpr bool queues = true;
  struct In {
    std::vector<std::pair<std::string, std::vector<Write>>> tables;
    bool consumed = false;
    json::value shown = {};
    json::object body = {};
  };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static std::string audit(const In& in, const Snapshot& s);
};
// The items of one answer: when they have this, the rest is left out.
constexpr size_t kAnswerBytesMax = 16 << 20;
// What counts of an item there is what it takes as JSON, where a control character has six bytes.
size_t answered_bytes(const json::object& item);

struct BatchGetItem : OnTables<BatchGetItem> {
  static constexpr std::string_view name = "BatchGetItem", action = "dynamodb:BatchGetItem";
  struct Wanted {
    std::string table;
    std::vector<json::object> keys;
    std::vector<Path> projection;
    bool consistent = false;
    json::value shown = {};
  };
  struct In {
    std::vector<Wanted> tables;
    bool consumed = false;
    json::value shown = {};
    json::object body = {};
  };
  struct Out : JsonOut {
    std::shared_ptr<const void> turn;  // of a large answer, until it is text (items.cc)
  };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static json::value audit(const In& in, const Snapshot& s);
};

struct SearchIn {
  std::string table;
  std::string index;         // "": the table itself
  json::object body, start;  // `start` is ExclusiveStartKey
  KeyPredicates key;
  std::shared_ptr<Node> filter;
  std::vector<Path> projection;
  int64_t limit = 0, segment = 0, segments = 1;
  bool backwards = false, count_only = false;
  bool written = false;  // the page may have its items as text
  // Of a statement: what it reads instead of `key`; and that its projection gives columns, and its
  // filter sees what the index holds.
  std::optional<Span> span = {};
  bool statement = false;
};
// A page of items, of one search or of several ones of the same table or index, one after another.
struct SearchPage {
  json::array items;
  std::string written_items;  // or they are here, as a JSON array
  json::object last;          // the key of the last item that was looked at
  size_t last_part = 0;       // and the search that found it
  size_t bytes = 0;
  double fetched_units = 0;
  int64_t scanned = 0, matched = 0;
  bool more = false;
  json::object cost;  // ConsumedCapacity, when the body asks for it
};
// All of `parts` have the same body and limit. Errors: those of Query and Scan.
Result<SearchPage> search(std::span<const SearchIn> parts, const Table& table, const Snapshot& s);
template <class Self>
struct Searches {
  static constexpr bool data_event = true;
  using In = SearchIn;
  using Out = JsonOut;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static Response render(const Out& out) { return render_json(out); }
  static json::value audit(const In& in);
};
struct Query : Searches<Query> {
  static constexpr std::string_view name = "Query", action = "dynamodb:Query";
};
struct Scan : Searches<Scan> {
  static constexpr std::string_view name = "Scan", action = "dynamodb:Scan";
};

}  // namespace sluice::dynamodb
