// SPDX-License-Identifier: Apache-2.0
#pragma once
// Amazon DynamoDB: tables with their indexes, items, expressions, transactions, PartiQL, expiry,
// streams, point-in-time recovery, exports and imports. Sources: DynamoDB API Reference 2012-08-10;
// Developer Guide, "Quotas".
//
//   Ports ports{.services = {&dynamodb::service}};
//   dynamodb::start_purge(*ports.store);
#include "request/ports.h"

namespace sluice::dynamodb {

constexpr size_t kItemBytesMax = 400 * 1024, kPageBytesMax = 1 << 20, kBatchWriteMax = 25,
                 kBatchGetMax = 100, kHashKeyBytesMax = 2048, kRangeKeyBytesMax = 1024;
constexpr size_t kNameBytesMax = 65535, kKeyNameBytesMax = 255;
constexpr size_t kNestingMax = 32, kDigitsMax = 38, kExpressionBytesMax = 4096, kOperandsMax = 300,
                 kInMax = 100;
constexpr int64_t kSegmentsMax = 1'000'000;
extern const Service service;
extern const Service streams_service;  // the operations of DynamoDB Streams
void verify(const Ports& ports, Verification& found);

}  // namespace sluice::dynamodb
