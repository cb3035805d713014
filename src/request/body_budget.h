// SPDX-License-Identifier: Apache-2.0
#pragma once
// Memory for bodies that are held whole. All of them together, those whose signature is not yet
// proven, those of a session that are not, and each caller (a session at a source) have a limit.
// Whoever has seen one token, or has one session that may do nothing, leaves room for all others;
// with several of them he can keep out bodies over kFreeBytes, for as long as he pays for their
// bytes.
#include <string>
#include <unordered_map>

#include "base/thread_safety.h"

namespace sluice {

constexpr size_t kBodiesBytesMax = 192 << 20, kUnprovenBodiesBytesMax = 144 << 20,
                 kUnprovenOfASessionBytesMax = 96 << 20,
                 kBodiesOfACallerBytesMax = 80 << 20;  // one CreateFunction takes 70
// The beginning of a body is free, so that small requests are served however full it is: there are
// no more of them than connections.
constexpr size_t kFreeBytes = 64 << 10;
// A body comes at this rate at least, after a beginning that everybody is given.
constexpr int64_t kBodyBytesPerSecondMin = 16 << 10, kBodyGraceS = 20;

class BodyBudget {
 public:
  // What one request holds, given back when it is answered.
  class Share {
   public:
    Share(BodyBudget& budget, const std::string& session, const std::string& source)
        : budget_(budget), session_(session), caller_(session + " " + source) {}
    Share(const Share&) = delete;
    ~Share();
    bool grow_to(size_t bytes);  // false: there is no room now
    void prove();                // its signature is: it counts among the unproven no more

   private:
    BodyBudget& budget_;
    const std::string session_, caller_;
    size_t bytes_ = 0;  // behind the free beginning
    bool proven_ = false;
  };

 private:
  Mutex mutex_;
  size_t all_ SLUICE_GUARDED_BY(mutex_) = 0;
  size_t unproven_ SLUICE_GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::string, size_t> of_caller_ SLUICE_GUARDED_BY(mutex_);
  std::unordered_map<std::string, size_t> unproven_of_session_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
