// SPDX-License-Identifier: Apache-2.0
#pragma once
// The rules for a record, and how it becomes an item of DynamoDB. lambda/ingestion_lambda.py has
// the same rules and gives the same results, to the byte.
//
//   const std::variant<Item, Rejection> judged = validate(record.text);
//   if (const auto* item = std::get_if<Item>(&judged)) write(*item);
//
// The members of a record:
//   device_id  a string of 1 to 2,048 bytes of UTF-8: the partition key
//   timestamp  an RFC 3339 date-time with offset: the sort key. It is kept in UTC with Z and all of
//              its fraction digits
//   value      a number of at most 38 significant digits, 0 or between 1E-130 and 9.99E+125 in
//              magnitude. It never becomes a double
//   others     are kept as the type of DynamoDB that matches
#include <string>
#include <string_view>
#include <variant>

namespace sluice::ingest {

constexpr size_t kDeviceIdBytesMax = 2048, kTimestampBytesMax = 1024, kDepthMax = 32;

struct Item {
  // `json` is the whole item in DynamoDB's notation.
  std::string device_id, timestamp, json;
};
struct Rejection {
  std::string code, message;
};
std::variant<Item, Rejection> validate(std::string_view text);
// The same by the parser of all of JSON. validate() asks it about all but the plainest records,
// which it copies part by part.
std::variant<Item, Rejection> validate_in_full(std::string_view text);

// "2026-02-01T12:00:00.50+02:00" -> "2026-02-01T10:00:00.50Z"; "" when it is not an RFC 3339
// date-time.
std::string utc_timestamp(std::string_view text);
// Whether DynamoDB can keep this number (the text of a JSON number) without loss.
bool is_exact_number(std::string_view text);

}  // namespace sluice::ingest
