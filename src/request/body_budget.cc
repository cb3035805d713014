// SPDX-License-Identifier: Apache-2.0
#include "request/body_budget.h"

#include <utility>

namespace sluice {

namespace {
using Sums = std::unordered_map<std::string, size_t>;
size_t sum_of(const Sums& sums, const std::string& whose) {
  const auto found = sums.find(whose);
  return found == sums.end() ? 0 : found->second;
}
void take_off(Sums& sums, const std::string& whose, size_t bytes) {
  const auto found = sums.find(whose);
  if (found == sums.end()) return;
  found->second -= bytes;
  if (!found->second) sums.erase(found);
}
}  // namespace

BodyBudget::Share::~Share() {
  if (!bytes_) return;
  prove();  // takes them off what is unproven, if they still are
  const MutexLock lock(budget_.mutex_);
  budget_.all_ -= bytes_;
  take_off(budget_.of_caller_, caller_, bytes_);
}

bool BodyBudget::Share::grow_to(size_t bytes) {
  if (bytes <= kFreeBytes + bytes_) return true;
  const size_t more = bytes - kFreeBytes - bytes_;
  const MutexLock lock(budget_.mutex_);
  if (budget_.all_ + more > kBodiesBytesMax ||
      sum_of(budget_.of_caller_, caller_) + more > kBodiesOfACallerBytesMax)
    return false;
  if (!proven_) {
    if (budget_.unproven_ + more > kUnprovenBodiesBytesMax ||
        sum_of(budget_.unproven_of_session_, session_) + more > kUnprovenOfASessionBytesMax)
      return false;
    budget_.unproven_ += more;
    budget_.unproven_of_session_[session_] += more;
  }
  bytes_ += more;
  budget_.all_ += more;
  budget_.of_caller_[caller_] += more;
  return true;
}

void BodyBudget::Share::prove() {
  const MutexLock lock(budget_.mutex_);
  if (std::exchange(proven_, true)) return;
  budget_.unproven_ -= bytes_;
  take_off(budget_.unproven_of_session_, session_, bytes_);
}

}  // namespace sluice
