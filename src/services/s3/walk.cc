// SPDX-License-Identifier: Apache-2.0
#include "services/s3/walk.h"

#include "base/bytes.h"

namespace sluice::s3 {
namespace {
template <class R>
class Walker {
 public:
  Walker(const Walk& walk, const Snapshot& snapshot)
      : w_(walk), snapshot_(snapshot), start_(std::max(walk.after, walk.prefix)) {
    if (!w_.after.empty() && w_.tail_after.empty() && folded(w_.after) == w_.after)
      skip_prefix(w_.after);
  }
  Page<R> run() {
    if (w_.count_max == 0) return std::move(page_);
    const RecordPrefix<R> all{w_.bucket};
    do {
      again_ = false;
      if constexpr (std::is_same_v<R, VersionFacts>)
        snapshot_.scan(static_cast<const Key&>(all), seek(), false,
                       [&](std::string_view bytes, std::string_view value) {
                         return step(bytes, [&] { return Version::unpack_facts(value); });
                       });
      else
        snapshot_.scan(all, seek(), false, [&](std::string_view bytes, R&& record) {
          return step(bytes, [&] { return std::move(record); });
        });
    } while (again_);
    return std::move(page_);
  }

 private:
  // The common prefix of which `key` becomes a part; "" when it is listed itself.
  std::string folded(const std::string& key) const {
    if (w_.delimiter.empty() || !key.starts_with(w_.prefix)) return {};
    const size_t cut = key.find(w_.delimiter, w_.prefix.size());
    return cut == std::string::npos ? std::string() : key.substr(0, cut + w_.delimiter.size());
  }
  // Keys are UTF-8, so no byte of theirs is FF.
  void skip_prefix(const std::string& common) { start_ = common + "\xff"; }
  std::string seek() const {
    if (start_.empty()) return {};
    std::string bytes = RecordPrefix<R>{w_.bucket, start_}.bytes;
    bytes.resize(bytes.size() - 2);
    return bytes;
  }
  template <class Read>
  bool step(std::string_view bytes, const Read& record) {
    auto parts = schema::parts(bytes);
    Listed<R> one{std::move(parts.at(1)), parts.size() > 2 ? std::move(parts[2]) : "", {}, false};
    one.first_of_key = one.key != seen_key_;
    seen_key_ = one.key;
    if (one.key < start_) return true;
    if (!w_.after.empty() && one.key == w_.after &&
        (w_.tail_after.empty() || one.tail <= w_.tail_after))
      return true;
    if (!one.key.starts_with(w_.prefix)) return one.key < w_.prefix;
    one.record = record();
    if constexpr (std::is_same_v<R, Current>)
      if (one.record.marker) return true;
    if (page_.count() == static_cast<size_t>(w_.count_max)) {
      page_.truncated = true;
      return false;
    }
    if (const std::string common = folded(one.key); !common.empty()) {
      page_.prefixes.push_back(common);
      page_.last = common;
      page_.last_tail.clear();
      skip_prefix(common);
      again_ = true;
      return false;
    }
    page_.last = one.key;
    page_.last_tail = one.tail;
    page_.records.push_back(std::move(one));
    return true;
  }
  const Walk& w_;
  const Snapshot& snapshot_;
  std::string start_, seen_key_;
  bool again_ = false;
  Page<R> page_;
};
}  // namespace

template <class R>
Page<R> walk(const Walk& walk, const Snapshot& snapshot) {
  return Walker<R>(walk, snapshot).run();
}
template Page<Current> walk(const Walk& walk, const Snapshot& snapshot);
template Page<VersionFacts> walk(const Walk& walk, const Snapshot& snapshot);
template Page<Upload> walk(const Walk& walk, const Snapshot& snapshot);

}  // namespace sluice::s3
