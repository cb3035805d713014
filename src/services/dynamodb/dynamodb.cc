// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/dynamodb.h"

#include "services/dynamodb/account.h"
#include "services/dynamodb/expiry.h"
#include "services/dynamodb/exports.h"
#include "services/dynamodb/imports.h"
#include "services/dynamodb/items.h"
#include "services/dynamodb/partiql.h"
#include "services/dynamodb/recovery.h"
#include "services/dynamodb/streams.h"
#include "services/dynamodb/table_policy.h"
#include "services/dynamodb/transactions.h"

namespace sluice::dynamodb {
namespace {
constexpr auto rows =
    table<CreateTable, DescribeTable, UpdateTable, ListTables, DeleteTable, PutItem, GetItem,
          UpdateItem, DeleteItem, BatchWriteItem, BatchGetItem, Query, Scan, TransactWriteItems,
          TransactGetItems, ExecuteStatement, BatchExecuteStatement, ExecuteTransaction,
          TagResource, UntagResource, ListTagsOfResource, PutResourcePolicy, GetResourcePolicy,
          DeleteResourcePolicy, UpdateTimeToLive, DescribeTimeToLive, DescribeLimits,
          DescribeEndpoints, UpdateContinuousBackups, DescribeContinuousBackups,
          RestoreTableToPointInTime, ExportTableToPointInTime, DescribeExport, ListExports,
          ImportTable, DescribeImport, ListImports>();
constexpr auto streams_rows = table<ListStreams, DescribeStream, GetShardIterator, GetRecords>();
}  // namespace

const Service service{
    "dynamodb", "dynamodb.amazonaws.com",           Protocol::json10, "DynamoDB_20120810", "",
    rows,       "com.amazonaws.dynamodb.v20120810#"};
const Service streams_service{"dynamodb",
                              "dynamodb.amazonaws.com",
                              Protocol::json10,
                              "DynamoDBStreams_20120810",
                              "",
                              streams_rows,
                              "com.amazonaws.dynamodb.v20120810#"};

}  // namespace sluice::dynamodb
