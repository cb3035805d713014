// SPDX-License-Identifier: Apache-2.0
#include "request/body_budget.h"

namespace sluice {

BodyBudget::Share::~Share() {
  const std::lock_guard lock(budget_.mutex_);
  budget_.all_ -= bytes_;
  if (!proven_) budget_.unproven_ -= bytes_;
  const auto of_caller = budget_.of_caller_.find(caller_);
  if (of_caller == budget_.of_caller_.end()) return;
  of_caller->second -= bytes_;
  if (!of_caller->second) budget_.of_caller_.erase(of_caller);
}

bool BodyBudget::Share::grow_to(size_t bytes) {
  if (bytes <= kFreeBytes + bytes_) return true;
  const size_t more = bytes - kFreeBytes - bytes_;
  const std::lock_guard lock(budget_.mutex_);
  size_t& of_caller = budget_.of_caller_[caller_];
  if (budget_.all_ + more > kBodiesBytesMax || of_caller + more > kBodiesOfACallerBytesMax ||
      (!proven_ && budget_.unproven_ + more > kUnprovenBodiesBytesMax)) {
    if (!of_caller) budget_.of_caller_.erase(caller_);
    return false;
  }
  bytes_ += more;
  budget_.all_ += more;
  of_caller += more;
  if (!proven_) budget_.unproven_ += more;
  return true;
}

void BodyBudget::Share::prove() {
  const std::lock_guard lock(budget_.mutex_);
  if (!proven_) budget_.unproven_ -= bytes_;
  proven_ = true;
}

}  // namespace sluice
