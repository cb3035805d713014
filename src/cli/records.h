// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every kind of record that the store holds (store/record.h). `sluice verify`, docs/records.md and
// the fixtures of earlier versions are made from this list.
//
//   for (const RecordFacts& one : all_records()) std::cout << one.type.table << one.layout;
#include "request/ports.h"
#include "store/record.h"

namespace sluice::cli {

// In the order of their tables. No test can find a record that is missing here, so add each new
// one.
std::vector<RecordFacts> all_records();

// The text of docs/records.md: each record with its members.
std::string records_document();

// Adds to `found` each record that cannot be read.
void verify_records(Store& store, Verification& found);

}  // namespace sluice::cli
