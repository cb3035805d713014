// SPDX-License-Identifier: Apache-2.0
#include "crypto/crc.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace sluice {
namespace {
const CrcKind kKinds[] = {
    {32, 0xedb88320}, {32, 0x82f63b78}, {64, 0x9a6c9329ac4bc9b5}};  // CRC32, CRC32C, CRC64-NVME

// Every length about the steps of 16 and 64 bytes, at every offset of a word, after any state.
TEST(Crc, FoldsToWhatItsTablesSay) {
  if (!CrcKind::can_fold()) GTEST_SKIP() << "this processor multiplies with carries only";
  const std::string data = random_bytes(70'000);
  for (const CrcKind& kind : kKinds) {
    uint64_t state = kind.bits() == 64 ? ~uint64_t{0} : 0xffffffff;
    for (size_t size = 0; size < 300; ++size)
      for (size_t from = 0; from < 8; ++from) {
        const std::string_view piece = std::string_view(data).substr(from + size, size);
        const uint64_t expected = kind.update_by_table(state, piece);
        ASSERT_EQ(kind.update_by_folding(state, piece), expected) << kind.bits() << " " << size;
        state = expected;
      }
    EXPECT_EQ(kind.update_by_folding(state, data), kind.update_by_table(state, data));
  }
}
}  // namespace
}  // namespace sluice
