// SPDX-License-Identifier: Apache-2.0
#include "request/gunzip.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace sluice {
namespace {
std::string gzip(const std::string& plain) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, plain.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(Gunzip, GivesBackWhatWasPacked) {
  const std::string plain(100'000, 'x');
  const auto got = gunzip(gzip(plain), plain.size());
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, plain);
}
TEST(Gunzip, StopsOneByteAfterTheLimit) {
  const auto got = gunzip(gzip(std::string(100'001, 'x')), 100'000);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().status, 413);
}
TEST(Gunzip, RefusesWhatIsCutOffFollowedByMoreOrNoGzip) {
  const std::string good = gzip("metrics");
  for (const std::string& bad :
       {good.substr(0, good.size() - 1), good + "x", std::string("plain"), std::string()}) {
    const auto got = gunzip(bad, 1000);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, "SerializationException");
  }
}

}  // namespace
}  // namespace sluice
