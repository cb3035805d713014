// SPDX-License-Identifier: Apache-2.0
#include "services/s3/walk.h"

#include "base/bytes.h"

namespace sluice::s3 {
namespace {
class Walker {
 public:
  Walker(const Walk& walk, const Snapshot& snapshot)
      : w_(walk), snapshot_(snapshot), start_(std::max(walk.after, walk.prefix)) {
    if (!w_.after.empty() && w_.tail_after.empty() && folded(w_.after) == w_.after)
      skip_prefix(w_.after);
  }
  Page run() {
    if (w_.count_max == 0) return std::move(page_);
    const Key all = schema::prefix(Family::objects, w_.table, {w_.bucket});
    do {
      again_ = false;
      snapshot_.scan(all, seek(), false, [&](std::string_view bytes, std::string_view value) {
        return step(bytes, value);
      });
    } while (again_);
    return std::move(page_);
  }

 private:
  // The common prefix that `key` folds into; "" when it stands for itself.
  std::string folded(const std::string& key) const {
    if (w_.delimiter.empty() || !key.starts_with(w_.prefix)) return {};
    const size_t cut = key.find(w_.delimiter, w_.prefix.size());
    return cut == std::string::npos ? std::string() : key.substr(0, cut + w_.delimiter.size());
  }
  void skip_prefix(const std::string& common) {
    start_ = common + "\xff";
  }  // keys are UTF-8: no byte of theirs is FF
  std::string seek() const {
    if (start_.empty()) return {};
    std::string bytes = schema::prefix(Family::objects, w_.table, {w_.bucket, start_}).bytes;
    bytes.resize(bytes.size() - 2);
    return bytes;
  }
  bool step(std::string_view bytes, std::string_view value) {
    auto parts = schema::parts(bytes);
    Record record{std::move(parts.at(1)), parts.size() > 2 ? std::move(parts[2]) : "", {}, false};
    record.first_of_key = record.key != seen_key_;
    seen_key_ = record.key;
    if (record.key < start_) return true;
    if (!w_.after.empty() && record.key == w_.after &&
        (w_.tail_after.empty() || record.tail <= w_.tail_after))
      return true;
    if (!record.key.starts_with(w_.prefix)) return record.key < w_.prefix;
    const bool versions = w_.table == "s3.version";
    if (versions)
      record.facts = Version::unpack_facts(value).value();
    else if (auto facts = parse_json_object(value))
      record.facts = *std::move(facts);
    if (!versions && bool_of(record.facts, "Marker")) return true;
    if (page_.count() == static_cast<size_t>(w_.count_max)) {
      page_.truncated = true;
      return false;
    }
    if (const std::string common = folded(record.key); !common.empty()) {
      page_.prefixes.push_back(common);
      page_.last = common;
      page_.last_tail.clear();
      skip_prefix(common);
      again_ = true;
      return false;
    }
    page_.last = record.key;
    page_.last_tail = record.tail;
    page_.records.push_back(std::move(record));
    return true;
  }
  const Walk& w_;
  const Snapshot& snapshot_;
  std::string start_, seen_key_;
  bool again_ = false;
  Page page_;
};
}  // namespace

Page walk(const Walk& walk, const Snapshot& snapshot) { return Walker(walk, snapshot).run(); }

}  // namespace sluice::s3
