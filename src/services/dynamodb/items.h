// SPDX-License-Identifier: Apache-2.0
#pragma once
// PutItem, GetItem, DeleteItem, BatchWriteItem, BatchGetItem, Query, Scan.
// Errors: ValidationException, ResourceNotFoundException, ConditionalCheckFailedException,
// AccessDeniedException (the table's key).
#include "services/dynamodb/tables.h"

namespace sluice::dynamodb {

// What CloudTrail shows of a call besides keys and the names of attributes. Expressions hold no
// values: those are in ExpressionAttributeValues.
json::value shown_options(const json::object& body);
json::object plain_key(const json::object& key);  // {"a": {"S": "x"}} as {"a": "x"}

// The condition keys of a call: which attributes and partition keys it names. Source: Developer
// Guide, "Using IAM policy conditions for fine-grained access control". What a call leaves out has
// the value that then holds: Select ALL_ATTRIBUTES, ReturnValues and ReturnConsumedCapacity NONE.
class CallContext {
 public:
  CallContext(const std::string& table, const Snapshot& snapshot);
  void add_item(const json::object& item);  // or a key: its attributes, its partition key
  void add_leading_key(const json::value& key);
  void add_paths(const std::vector<Path>& paths);
  void add_paths(const Node* expression);
  void set_select(const json::object& body, const std::vector<Path>& projection);
  void set_option(const json::object& body, const char* member);
  policy::Context take() { return std::move(context_); }

 private:
  void add_name(std::string_view name);
  std::string hash_;  // the table's partition key, "" when there is no table
  policy::Context context_;
};

struct ItemIn {
  std::string table;
  json::object body, item;  // item: Item or Key, checked
  std::shared_ptr<Node> condition;
  std::vector<Path> projection;
};
template <class Self>
struct OnItem {
  static constexpr bool data_event = true;
  using In = ItemIn;
  using Out = JsonOut;
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Response render(const Out& out) { return render_json(out); }
  static json::value audit(
      const In& in, const Snapshot& s);  // keys with their values, of other attributes the names
};
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
struct GetItem : OnItem<GetItem> {
  static constexpr std::string_view name = "GetItem", action = "dynamodb:GetItem";
  static Result<In> parse(const Request& request);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

struct Write {
  bool put = true;
  json::object item;
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
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static json::value audit(const In& in, const Snapshot& s);
};
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
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static json::value audit(const In& in, const Snapshot& s);
};

struct SearchIn {
  std::string table;
  json::object body, start;  // start: ExclusiveStartKey
  std::shared_ptr<Node> key_condition, filter;
  std::vector<Path> projection;
  int64_t limit = 0, segment = 0, segments = 1;
  bool backwards = false, count_only = false;
};
template <class Self>
struct Searches {
  static constexpr bool data_event = true;
  using In = SearchIn;
  using Out = JsonOut;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
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
