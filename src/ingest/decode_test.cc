// SPDX-License-Identifier: Apache-2.0
#include "ingest/decode.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include "base/gzip.h"

namespace sluice::ingest {
namespace {
using testing::ElementsAre;

// Records as "index@offset:text" or "index@offset!code"; `step` bytes at a time, so that no piece
// boundary is special.
std::vector<std::string> split_all(std::string_view bytes, size_t step) {
  std::vector<std::string> out;
  Splitter splitter([&out](Record&& r) -> Result<Done> {
    out.push_back(std::to_string(r.index) + "@" + std::to_string(r.offset) +
                  (r.broken ? "!" + std::string(r.broken) : ":" + r.text));
    return Done{};
  });
  for (size_t at = 0; at < bytes.size(); at += step)
    EXPECT_TRUE(splitter.write(bytes.substr(at, step)));
  EXPECT_TRUE(splitter.finish());
  return out;
}
void expect_split(std::string_view bytes,
                  const testing::Matcher<std::vector<std::string>>& expected) {
  for (const size_t step : {size_t{1}, size_t{2}, size_t{7}, bytes.size() + 1})
    EXPECT_THAT(split_all(bytes, step), expected) << "in pieces of " << step;
}

std::string gzipped(std::string_view plain) {
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(plain.size() + 100, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}
Result<std::string> inflated(std::string_view bytes, size_t step) {
  std::string out;
  Inflater inflater([&out](std::string_view piece) -> Result<Done> {
    out += piece;
    return Done{};
  });
  for (size_t at = 0; at < bytes.size(); at += step) CHECK(inflater.write(bytes.substr(at, step)));
  CHECK(inflater.finish());
  return out;
}
}  // namespace

TEST(Splitter, TakesAnArrayAnObjectAndLines) {
  expect_split(R"([{"a":1}, {"b":[2]}])", ElementsAre(R"(0@1:{"a":1})", R"(1@10:{"b":[2]})"));
  expect_split(R"( {"a":1} )", ElementsAre(R"(0@1:{"a":1})"));
  expect_split("{\"a\":1}\n{\"b\":2}\r\n\n{\"c\":3}",
               ElementsAre(R"(0@0:{"a":1})", R"(1@8:{"b":2})", R"(2@18:{"c":3})"));
  expect_split("{\"a\":\n 1}\n{\"b\":2}", ElementsAre("0@0:{\"a\":\n 1}", R"(1@10:{"b":2})"));
  expect_split("\xEF\xBB\xBF[{}]", ElementsAre("0@4:{}"));
  expect_split("", ElementsAre());
  expect_split("[]", ElementsAre());
}

TEST(Splitter, IsNotFooledByBracketsInStrings) {
  expect_split(R"([{"a":"}],[\"{"},{"b":1}])",
               ElementsAre(R"(0@1:{"a":"}],[\"{"})", R"(1@17:{"b":1})"));
}

// One broken line costs one record: what follows is not lost with it.
TEST(Splitter, ABrokenLineCostsOneRecord) {
  expect_split("{\"a\":1\n{\"b\":2}\n", ElementsAre("0@0!MalformedJson", R"(1@7:{"b":2})"));
  expect_split("{\"a\":\"x\n{\"b\":2}\n", ElementsAre("0@0!MalformedJson", R"(1@8:{"b":2})"));
  expect_split("nonsense\n{\"b\":2}\n", ElementsAre("0@0:nonsense", R"(1@9:{"b":2})"));
}

// Nothing is dropped in silence: what is missing or too much in an array is a record with a reason.
TEST(Splitter, AccountsForWhatIsWrongWithAnArray) {
  expect_split(R"([{"a":1},,{"b":2}])",
               ElementsAre(R"(0@1:{"a":1})", "1@9!MalformedJson", R"(2@10:{"b":2})"));
  expect_split(R"([{"a":1},])", ElementsAre(R"(0@1:{"a":1})", "1@9!MalformedJson"));
  expect_split(R"([{"a":1})", ElementsAre("0@1!MalformedJson"));
  expect_split(R"([{"a":1}] tail)", ElementsAre(R"(0@1:{"a":1})", "1@10!MalformedJson"));
  expect_split(R"({"a":1)", ElementsAre("0@0!MalformedJson"));
}

TEST(Splitter, KeepsAtMostTheLimitOfARecord) {
  std::string fits = "{\"a\":\"" + std::string(kRecordBytesMax - 8, 'x') + "\"}",
              larger = "{\"a\":\"" + std::string(kRecordBytesMax - 7, 'x') + "\"}";
  EXPECT_THAT(split_all(fits, 4096), ElementsAre("0@0:" + fits));
  EXPECT_THAT(split_all(larger + "\n{}", 4096),
              ElementsAre("0@0!RecordTooLarge", "1@" + std::to_string(larger.size() + 1) + ":{}"));
}

TEST(Inflater, TakesPlainAndGzipOfSeveralMembers) {
  for (const size_t step : {size_t{1}, size_t{3}, size_t{100000}}) {
    EXPECT_EQ(*inflated("plain", step), "plain");
    EXPECT_EQ(*inflated("x", step), "x");
    EXPECT_EQ(*inflated("", step), "");
    EXPECT_EQ(*inflated(gzipped("one ") + gzipped(std::string(200000, 'z')), step),
              "one " + std::string(200000, 'z'));
  }
}

TEST(Inflater, RefusesDamagedAndShortGzip) {
  std::string damaged = gzipped(std::string(5000, 'a') + "b");
  damaged[damaged.size() - 6] ^= 1;  // the checksum
  EXPECT_EQ(inflated(damaged, 10).error().code, "MalformedGzip");
  EXPECT_EQ(inflated(gzipped("text").substr(0, 12), 10).error().code, "MalformedGzip");
}

}  // namespace sluice::ingest
