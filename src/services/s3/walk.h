// SPDX-License-Identifier: Apache-2.0
#pragma once
// One page of a listing: the records with keys (bucket, key[, tail]) in the order of their bytes.
// Those that have the same beginning up to the delimiter become one common prefix.
//
//   const Page<Current> page = walk<Current>({in.bucket, in.prefix, in.delimiter, after, "", 1000},
//                                            snapshot);
//   for (const Listed<Current>& one : page.records) write(one.key, one.record);
#include "services/s3/model.h"

namespace sluice::s3 {

struct Walk {
  std::string bucket, prefix, delimiter;
  // The page begins after this key or common prefix or, with a tail, after that record of the key.
  std::string after, tail_after;
  int64_t count_max = 0;
};
template <class R>
struct Listed {
  std::string key, tail;
  R record;
  bool first_of_key = false;
};
template <class R>
struct Page {
  std::vector<Listed<R>> records;
  std::vector<std::string> prefixes;
  bool truncated = false;
  std::string last, last_tail;  // the next page begins after these
  size_t count() const { return records.size() + prefixes.size(); }
};
// R is Current, VersionFacts or Upload. A Current that is a delete marker is not shown.
template <class R>
Page<R> walk(const Walk& walk, const Snapshot& snapshot);

}  // namespace sluice::s3
