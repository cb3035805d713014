// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every kind of record that the store holds (store/record.h): for `sluice verify`, for
// docs/records.md and for the fixtures of earlier versions.
#include "request/ports.h"
#include "store/record.h"

namespace sluice::cli {

// In the order of their tables. A record that is not in it is found by no test: add it here.
std::vector<RecordFacts> all_records();

// docs/records.md: each record with its members.
std::string records_document();

// Names in `found` what cannot be read.
void verify_records(Store& store, Verification& found);

}  // namespace sluice::cli
