// SPDX-License-Identifier: Apache-2.0
#pragma once
// Stored items as they are answered, in AWS's JSON form, written without a tree.
//
//   JsonWriter out;
//   TRY(const size_t bytes, write_stored_item(out, stored));   // {"id":{"S":"a"}}
#include "base/json_writer.h"
#include "services/dynamodb/dynamodb.h"

namespace sluice::dynamodb {

// Returns the size of the item, as item_bytes counts it. Errors: InternalServerError 500 for bytes
// that encode_item has not written; what is in `out` then is worth nothing.
Result<size_t> write_stored_item(JsonWriter& out, std::string_view stored);

}  // namespace sluice::dynamodb
