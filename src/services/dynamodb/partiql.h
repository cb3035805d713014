// SPDX-License-Identifier: Apache-2.0
#pragma once
// ExecuteStatement, BatchExecuteStatement and ExecuteTransaction: PartiQL statements, done by what
// does the other calls. IAM has no permission for these operations: each statement needs its own,
// dynamodb:PartiQLSelect, PartiQLInsert, PartiQLUpdate or PartiQLDelete. Errors: those of GetItem,
// Query, Scan, PutItem, UpdateItem, DeleteItem and of transactions; DuplicateItemException.
//
//   constexpr auto rows = table<ExecuteStatement, BatchExecuteStatement, ExecuteTransaction>();
#include "services/dynamodb/partiql_plan.h"
#include "services/dynamodb/transactions.h"

namespace sluice::dynamodb {

constexpr size_t kBatchStatementsMax = 25, kNextTokenBytesMax = 32768;

// A statement as it was sent, with its parameters and options.
struct StatementIn {
  std::string text;
  json::array parameters;
  bool consistent = false, tells_failed = false;  // ReturnValuesOnConditionCheckFailure
  PartiqlStatement parsed;
};
struct ExecuteStatement {
  static constexpr std::string_view name = "ExecuteStatement", action = "dynamodb:PartiQLSelect";
  static constexpr bool data_event = true, queues = true;
  struct In {
    json::object body;
    StatementIn statement;
    int64_t limit = 0;
    std::string token;  // NextToken
  };
  using Out = JsonOut;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out) { return render_json(out); }
  // Shows the statement without values but those of the table's key.
  static json::value audit(const In& in, const Snapshot& s);
};
// Each statement is done or refused for itself, and the others are done nonetheless.
struct BatchExecuteStatement {
  static constexpr std::string_view name = "BatchExecuteStatement",
                                    action = "dynamodb:PartiQLSelect";
  static constexpr bool data_event = true, queues = true;
  struct In {
    json::object body;
    std::vector<Result<StatementIn>> statements;  // an error where one cannot be read
  };
  struct Out {
    JsonOut json;
    std::map<std::string, int64_t> refused;  // how many statements, by error code
  };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out) { return render_json(out.json); }
  static json::value audit(const In& in, const Snapshot& s);
  static json::value audit_result(const Out& out);
};
struct ExecuteTransaction {
  static constexpr std::string_view name = "ExecuteTransaction", action = "dynamodb:PartiQLSelect";
  static constexpr bool data_event = true, queues = true;
  struct In {
    json::object body;
    std::vector<StatementIn> statements;
    bool reads = false;
  };
  using Out = JsonOut;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out) { return render_json(out); }
  static json::value audit(const In& in, const Snapshot& s);
};

}  // namespace sluice::dynamodb
