// SPDX-License-Identifier: Apache-2.0
#pragma once
// Memory for bodies that are held whole. All of them together, those whose signature is not yet
// proven, and each caller (a session at a source) have a limit: who has seen a token, or has a
// session that may do nothing, can hold up himself alone.
#include <mutex>
#include <string>
#include <unordered_map>

namespace sluice {

constexpr size_t kBodiesBytesMax = 192 << 20, kUnprovenBodiesBytesMax = 128 << 20,
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
    Share(BodyBudget& budget, std::string caller) : budget_(budget), caller_(std::move(caller)) {}
    Share(const Share&) = delete;
    ~Share();
    bool grow_to(size_t bytes);  // false: there is no room now
    void prove();                // its signature is: it counts among the unproven no more

   private:
    BodyBudget& budget_;
    const std::string caller_;
    size_t bytes_ = 0;  // behind the free beginning
    bool proven_ = false;
  };

 private:
  std::mutex mutex_;
  size_t all_ = 0, unproven_ = 0;
  std::unordered_map<std::string, size_t> of_caller_;
};

}  // namespace sluice
