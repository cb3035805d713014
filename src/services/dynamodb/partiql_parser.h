// SPDX-License-Identifier: Apache-2.0
#pragma once
// A PartiQL statement, read into what the other calls are made of: a condition, an update, an item.
// Source: Developer Guide, "PartiQL - a SQL-compatible query language for Amazon DynamoDB". A
// statement has at most 8192 characters and 300 operators, and is nested up to 32 deep.
//
//   TRY(const PartiqlStatement one, parse_partiql(R"(SELECT * FROM t WHERE a = ?)", parameters));
//   if (one.where && evaluate(*one.where, item)) ...
//   shown["statement"] = redacted(text, one, "a", "");
#include "services/dynamodb/partiql_lexer.h"
#include "services/dynamodb/update.h"

namespace sluice::dynamodb {

struct PartiqlStatement {
  enum class Kind : uint8_t { select, insert, update, erase, exists };
  struct Order {
    std::string attribute;
    bool descending = false;
  };
  // Where a value stands, and which attribute it is compared with; "": none, or a part of one.
  struct Value {
    size_t begin, end;
    std::string attribute;
  };
  Kind kind = Kind::select;
  std::string table, index;   // `index` "": the table itself
  std::vector<Path> columns;  // empty: all
  std::shared_ptr<Node> where;
  std::vector<Order> order;
  json::object item;  // of INSERT
  std::shared_ptr<Update> update;
  std::string returning;  // "ALL_OLD", "UPDATED_NEW", ..., as ReturnValues has it; "": nothing
  std::vector<Value> values;
};

// `parameters` have passed check_value. Errors: ValidationException.
Result<PartiqlStatement> parse_partiql(std::string_view statement, const json::array& parameters);
// The statement as CloudTrail shows it: values are left out but those that the attributes `hash`
// and `range`, the key of the table, are compared with.
std::string redacted(std::string_view statement, const PartiqlStatement& parsed,
                     const std::string& hash, const std::string& range);

// What a SELECT gives of an item: each column under its last name.
json::object columns_of(const json::object& item, const std::vector<Path>& columns);

}  // namespace sluice::dynamodb
