// SPDX-License-Identifier: Apache-2.0
#pragma once
// One page of a listing: records of a table (bucket, key[, tail]) in the byte order of their keys,
// with those folded into one common prefix that share it up to the delimiter.
#include "services/s3/model.h"

namespace sluice::s3 {

struct Walk {
  std::string_view table;  // "s3.current", "s3.version", "s3.upload"
  std::string bucket, prefix, delimiter;
  std::string after, tail_after;  // begin behind this key (or common prefix); with a tail, behind
                                  // that record of the key
  int64_t count_max = 0;
};
struct Record {
  std::string key, tail;
  json::object facts;
  bool first_of_key = false;
};
struct Page {
  std::vector<Record> records;
  std::vector<std::string> prefixes;
  bool truncated = false;
  std::string last, last_tail;  // what the next page begins behind
  size_t count() const { return records.size() + prefixes.size(); }
};
// Delete markers of s3.current are not shown.
Page walk(const Walk& walk, const Snapshot& snapshot);

}  // namespace sluice::s3
