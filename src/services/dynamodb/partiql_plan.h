// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a PartiQL statement reaches its items: which partitions and parts of them a SELECT reads, and
// which single item a write is about. A SELECT whose condition names a partition in each of its
// alternatives reads these alone; any other reads the whole table or index. Source: Developer
// Guide, "PartiQL select statements for DynamoDB".
//
//   TRY(const ReadPlan plan, plan_read(statement, table.keys()));
//   if (!plan.keyed) ...                       // dynamodb:FullTableScan
//   const WhereKey one = where_key(statement.where.get(), table.keys(), false);
#include "services/dynamodb/model.h"
#include "services/dynamodb/partiql_parser.h"

namespace sluice::dynamodb {

constexpr size_t kDecomposedReadsMax = 50;  // so many parts may one SELECT read

struct ReadPlan {
  bool keyed = false;                   // false: it is a scan
  std::vector<Span> spans;              // of a keyed one, in the order in which they are read
  std::vector<json::value> partitions;  // their partition keys, each once
  bool backwards = false;
  // What the filters of a keyed one look at besides the key.
  std::vector<std::string> filters;
};
// Errors: ValidationException.
Result<ReadPlan> plan_read(const PartiqlStatement& statement, const KeySpace& keys);

// What a condition says of the key by equality, in all of its alternatives.
struct WhereKey {
  json::object key;
  bool more = false;  // it says something else, too
  std::string twice;  // an attribute of the key that is to have two values
};
// With `takes_lists`, a list of one value after IN is as good as an equality.
WhereKey where_key(const Node* where, const KeySpace& keys, bool takes_lists);
// Refuses a value that cannot be one of the key's.
Result<Done> check_key_value(const KeyAttribute& attribute, const json::value& value);

}  // namespace sluice::dynamodb
