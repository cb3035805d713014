// SPDX-License-Identifier: Apache-2.0
#pragma once
// How many calls there were, what they ended with and how long they took, by operation. In memory,
// from the start of the server on; `sluice status --json` shows it.
//
//   counters.count(service, row, "NoSuchKey", elapsed_us);   // "": it succeeded; no row: nobody's
#include <map>
#include <mutex>
#include <unordered_map>

#include "base/histogram.h"
#include "request/operation.h"
#include "base/thread_safety.h"

namespace sluice {

class Counters {
 public:
  explicit Counters(std::span<const Service* const> services);
  void count(const Service& service, const Row* row, const std::string& code, int64_t elapsed_us);
  // One object for each operation that was called: Service, Operation, Calls, P50Us, P99Us, MaxUs
  // (within a quarter), and Errors by their code. Calls that reached no operation, as strangers'
  // do, are under the operation "-".
  json::array shown() const;

 private:
  // What answers with more codes than these counts the rest under kOther.
  static constexpr size_t kCodesMax = 64;
  struct Calls {
    std::string service, operation;
    Histogram elapsed_us;
    Mutex mutex;
    std::map<std::string, uint64_t> errors SLUICE_GUARDED_BY(mutex);
  };
  // Made at their first call: most operations are never called.
  struct Slot {
    std::once_flag once;
    std::atomic<Calls*> calls{nullptr};
    std::unique_ptr<Calls> owned;
  };
  static void show(const Slot& slot, json::array& into);
  std::unordered_map<const Row*, Slot> by_row_;
  Slot strangers_;
};

}  // namespace sluice
