// SPDX-License-Identifier: Apache-2.0
#pragma once
// Why a call was allowed or denied, from its audit record. Unlike LookupEvents it knows data events
// too, of whatever age, and takes the request id that the caller was told.
//
//   const std::optional<json::object> record = find_record(store, id);   // nullopt: there is none
//   for (const std::string& line : explained(*record)) fmt::print("{}\n", line);
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "store/store.h"

namespace sluice::cloudtrail {

// The newest record with this eventID or requestID.
std::optional<json::object> find_record(Store& store, std::string_view id);
// What it says, line by line: the call, how it ended, and the statements that decided.
std::vector<std::string> explained(const json::object& record);

}  // namespace sluice::cloudtrail
