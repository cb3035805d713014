// SPDX-License-Identifier: Apache-2.0
// Packed request bodies: never more comes out than is allowed, and of a body that is taken neither
// a shorter nor a longer one is.
#include "fuzz.h"
#include "request/gunzip.h"

using namespace sluice;
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kBytesMax = 64 << 10;
  const std::string packed(fuzz::text(data, size));
  const auto plain = gunzip(packed, kBytesMax);
  if (!plain) return 0;
  MUST(plain->size() <= kBytesMax);
  MUST(plain->empty() || !gunzip(packed, plain->size() - 1));
  MUST(!gunzip(packed + '\0', kBytesMax));
  MUST(!gunzip(packed.substr(0, size - 1), kBytesMax));
  return 0;
}
