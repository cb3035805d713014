// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/dynamodb.h"

#include "services/dynamodb/account.h"
#include "services/dynamodb/expiry.h"
#include "services/dynamodb/items.h"
#include "services/dynamodb/table_policy.h"
#include "services/dynamodb/transactions.h"

namespace sluice::dynamodb {
namespace {
constexpr auto rows =
    table<CreateTable, DescribeTable, UpdateTable, ListTables, DeleteTable, PutItem, GetItem,
          UpdateItem, DeleteItem, BatchWriteItem, BatchGetItem, Query, Scan, TransactWriteItems,
          TransactGetItems, TagResource, UntagResource, ListTagsOfResource, PutResourcePolicy,
          GetResourcePolicy, DeleteResourcePolicy, UpdateTimeToLive, DescribeTimeToLive,
          DescribeLimits, DescribeEndpoints, DescribeContinuousBackups>();
}
const Service service{
    "dynamodb", "dynamodb.amazonaws.com",           Protocol::json10, "DynamoDB_20120810", "",
    rows,       "com.amazonaws.dynamodb.v20120810#"};
}  // namespace sluice::dynamodb
