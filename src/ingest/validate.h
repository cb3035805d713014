// SPDX-License-Identifier: Apache-2.0
#pragma once
// The rules of a record (docs/ingest.md), and its form as a DynamoDB item.
//   device_id  string of 1 to 2,048 bytes of UTF-8: the partition key
//   timestamp  RFC 3339 date-time with offset; kept in UTC with Z and its fraction digits: the sort
//   key value      a number of at most 38 significant digits, between 1E-130 and 9.99E+125 in
//   magnitude, or 0; never through a double others     kept, as the DynamoDB type that matches
#include <string>
#include <string_view>
#include <variant>

namespace sluice::ingest {

constexpr size_t kDeviceIdBytesMax = 2048, kTimestampBytesMax = 1024, kDepthMax = 32;

struct Item {
  std::string device_id, timestamp, json;
};  // json: the item in DynamoDB's notation
struct Rejection {
  std::string code, message;
};
std::variant<Item, Rejection> validate(std::string_view text);

// "2026-02-01T12:00:00.50+02:00" -> "2026-02-01T10:00:00.50Z"; "" when it is not an RFC 3339
// date-time.
std::string utc_timestamp(std::string_view text);
// Whether DynamoDB can keep the number, a JSON number's text, without loss.
bool is_exact_number(std::string_view text);

}  // namespace sluice::ingest
