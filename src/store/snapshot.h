// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a request reads: the store as it was at one moment.
//
//   const Snapshot now = store.snapshot();
//   if (const auto role = now.get(role_key(name))) use(role->max_session_s);
//   now.scan(items, "", false, [&](std::string_view key, std::string_view value) { ... });
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/arn.h"
#include "store/attached.h"
#include "store/key.h"

namespace sluice {

struct StoreState;
struct Log;
// What was committed at one moment. It never changes afterwards, and is cheap to copy.
class Snapshot {
  // As which type a stored value is read, and how it is decoded.
  struct Form {
    const void* type;
    std::shared_ptr<const void> (*decode)(std::string_view value);
  };

 public:
  std::optional<std::string> get(const Key& key) const;
  // Calls fn(key bytes, value) for the keys with this prefix in their order, or backwards. It
  // begins at the key with the bytes `start` or the next one; "" begins at the first, or at the
  // last when it goes backwards. fn returns false to stop.
  void scan(const Key& prefix, std::string_view start, bool backwards,
            const std::function<bool(std::string_view key, std::string_view value)>& fn) const;
  // The same for the keys of a span. Nothing outside of the span is read.
  void scan(const Span& span, bool backwards,
            const std::function<bool(std::string_view key, std::string_view value)>& fn) const;
  // A record, or nullptr when there is none. It is parsed once and then shared until a commit
  // writes its table. A record that cannot be read means a broken store: UnreadableRecord is
  // thrown.
  template <class R>
  std::shared_ptr<const R> get(const RecordKey<R>& key) const;
  // The same for a value that is more than a record: V has what it is decoded by, V::unpack.
  template <class V>
  std::shared_ptr<const V> unpacked(const Key& key) const {
    static constexpr char kType = 0;  // its address stands for V
    static constexpr Form kForm{&kType, [](std::string_view stored) -> std::shared_ptr<const void> {
                                  return std::make_shared<const V>(V::unpack(std::string(stored)));
                                }};
    return std::static_pointer_cast<const V>(value(key, kForm));
  }
  // Calls fn(key bytes, R&&) like the scan above. A record that cannot be read is named in the
  // server's log and left out.
  template <class R, class Fn>
  void scan(const RecordPrefix<R>& prefix, std::string_view start, bool backwards,
            const Fn& fn) const;
  const Scope& scope() const;
  // For what was worked out from whole tables of metadata and is kept. Keep the commit() of the
  // snapshot that was read. When unchanged_since() is true for a later snapshot, none of the tables
  // was written in between, so that the kept result still holds.
  uint64_t commit() const;
  bool unchanged_since(uint64_t read_at, std::initializer_list<std::string_view> tables) const;
  // Calls fn for the entries of a log in their order, or backwards, from the number `from` on. 0
  // begins at the first entry, or at the newest when it goes backwards. fn returns false to stop.
  void read(const Log& log, uint64_t from, bool backwards,
            const std::function<bool(uint64_t number, std::string_view value)>& fn) const;
  uint64_t newest(const Log& log) const;  // number of its newest entry; 0: it has none
  // The number of the entry that came last, whether it is still there or not; 0: none came yet.
  uint64_t last_number(const Log& log) const;
  // What a service keeps in memory for this store.
  template <class T>
  T& attached() const {
    return attachments().get<T>();
  }
  // While this lives, every file that the snapshot names can be opened. For a body that is sent
  // after its call: lighter than the snapshot itself, which keeps old records from being dropped.
  std::shared_ptr<const void> hold_files() const;

 private:
  friend class Store;
  friend class Committer;
  friend class Staged;
  template <class R>
  static constexpr Form form_of();
  std::shared_ptr<const void> value(const Key& key, const Form& form) const;
  static void pass_over(std::string_view key, std::string_view why);
  Attachments& attachments() const;
  std::shared_ptr<StoreState> state_;
};

}  // namespace sluice
