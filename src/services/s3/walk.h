// SPDX-License-Identifier: Apache-2.0
#pragma once
// One page of a listing: records with the key (bucket, key[, tail]) in the byte order of their
// keys, with those folded into one common prefix that share it up to the delimiter.
#include "services/s3/model.h"

namespace sluice::s3 {

struct Walk {
  std::string bucket, prefix, delimiter;
  std::string after, tail_after;  // begin behind this key (or common prefix); with a tail, behind
                                  // that record of the key
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
  std::string last, last_tail;  // what the next page begins behind
  size_t count() const { return records.size() + prefixes.size(); }
};
// Of Current, VersionFacts or Upload. A Current that is a delete marker is not shown.
template <class R>
Page<R> walk(const Walk& walk, const Snapshot& snapshot);

}  // namespace sluice::s3
