// SPDX-License-Identifier: Apache-2.0
#pragma once
// Counts the calls of each operation: how many there were, what they ended with and how long they
// took. The counts are in memory and begin with the start of the server; `sluice status --json`
// shows them.
//
//   counters.count(service, row, "NoSuchKey", elapsed_us);
//   counters.count(service, row, "", elapsed_us);          // it succeeded
//   counters.count(service, nullptr, code, elapsed_us);    // no operation was reached
#include <map>
#include <mutex>
#include <unordered_map>

#include "base/histogram.h"
#include "request/operation.h"
#include "base/thread_safety.h"

namespace sluice {

class Counters {
 public:
  // `operators`: what the owner may ask for at the Unix socket; nullptr: nothing.
  Counters(std::span<const Service* const> services, const Service* operators);
  void count(const Service& service, const Row* row, const std::string& code, int64_t elapsed_us);
  // One object for each operation that was called: Service, Operation, Calls, P50Us, P99Us, MaxUs
  // (each exact to a quarter), and Errors by their code. Calls that reached no operation, such as
  // those of strangers, stand under the operation "-".
  json::array shown() const;

 private:
  // How many error codes of one operation are counted apart; the others count as kOther.
  static constexpr size_t kCodesMax = 64;
  struct Calls {
    std::string service, operation;
    Histogram elapsed_us;
    Mutex mutex;
    std::map<std::string, uint64_t> errors SLUICE_GUARDED_BY(mutex);
  };
  // Its Calls are made when the operation is called first, since most operations never are.
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
