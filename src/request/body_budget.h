// SPDX-License-Identifier: Apache-2.0
#pragma once
// Limits the memory for bodies that are held whole. There is a limit for all of them together, for
// those whose signature is not proven yet, for those of one session that are not, and for each
// caller (a session at a source address).
//
//   BodyBudget::Share share(bodies, evidence.account(), source);
//   if (!share.grow_to(bytes)) return slow_down(service, "...");
//   share.prove();   // when its signature has been verified
//
// So whoever has seen one token, or has one session that may do nothing, leaves room for all
// others. With several tokens he can keep out bodies over kFreeBytes, but only as long as he goes
// on sending such bodies himself.
#include <string>
#include <unordered_map>

#include "base/thread_safety.h"

namespace sluice {

// One CreateFunction takes up to 70 MiB of what its caller may have.
constexpr size_t kBodiesBytesMax = 192 << 20, kUnprovenBodiesBytesMax = 144 << 20,
                 kUnprovenOfASessionBytesMax = 96 << 20, kBodiesOfACallerBytesMax = 80 << 20;
// The first bytes of a body do not count, so that small requests are always served. There cannot be
// more of them than there are connections.
constexpr size_t kFreeBytes = 64 << 10;
// A body must come at this rate at least, after the seconds of grace that everybody has.
constexpr int64_t kBodyBytesPerSecondMin = 16 << 10, kBodyGraceS = 20;

class BodyBudget {
 public:
  // What one request holds. The destructor gives it back.
  class Share {
   public:
    Share(BodyBudget& budget, const std::string& session, const std::string& source)
        : budget_(budget), session_(session), caller_(session + " " + source) {}
    Share(const Share&) = delete;
    ~Share();
    // False: there is no room now.
    bool grow_to(size_t bytes);
    // Its signature is proven, so that it no longer counts among the unproven bodies.
    void prove();

   private:
    BodyBudget& budget_;
    const std::string session_, caller_;
    size_t bytes_ = 0;  // without the first kFreeBytes, which do not count
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
