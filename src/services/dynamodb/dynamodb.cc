// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/dynamodb.h"

#include "services/dynamodb/items.h"

namespace sluice::dynamodb {
namespace {
constexpr auto rows = table<CreateTable, DescribeTable, ListTables, DeleteTable, PutItem, GetItem,
                            UpdateItem, DeleteItem, BatchWriteItem, BatchGetItem, Query, Scan>();
}
const Service service{
    "dynamodb", "dynamodb.amazonaws.com",           Protocol::json10, "DynamoDB_20120810", "",
    rows,       "com.amazonaws.dynamodb.v20120810#"};
}  // namespace sluice::dynamodb
