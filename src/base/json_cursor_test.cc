// SPDX-License-Identifier: Apache-2.0
#include "base/json_cursor.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "base/plain_text.h"

namespace sluice {
namespace {
TEST(JsonCursor, WalksOverADocument) {
  JsonCursor in(" {\"a\" :\t[true ,\r\n\"b\"]} \n");
  EXPECT_TRUE(in.takes('{'));
  EXPECT_FALSE(in.takes('}'));
  EXPECT_EQ(in.text(), "a");
  EXPECT_TRUE(in.takes(':') && in.takes('['));
  EXPECT_FALSE(in.text());
  EXPECT_FALSE(in.takes("false"));
  EXPECT_TRUE(in.takes("true") && in.takes(','));
  EXPECT_EQ(in.text(), "b");
  EXPECT_TRUE(in.takes(']'));
  EXPECT_FALSE(in.ends());
  EXPECT_TRUE(in.takes('}') && in.ends());
  EXPECT_FALSE(in.takes('}'));
  EXPECT_FALSE(in.text());
}

TEST(PlainText, EndsAtEachCharacterThatIsNotPlainAtEachPlace) {
  EXPECT_EQ(plain_bytes(""), 0u);
  for (int c = 0; c < 256; ++c)
    for (size_t at = 0; at < 20; ++at) {
      std::string text(20, 'a');
      text[at] = static_cast<char>(c);
      const bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
      EXPECT_EQ(plain_bytes(text), plain ? text.size() : at) << c;
    }
}

// Every string of up to four of these pieces is taken, or not, as parse_json does it.
TEST(JsonCursor, TakesTheStringsThatParseJsonTakes) {
  const std::string pieces[] = {
      "a",  "\"",   "\\",   "u00e9", "ud83d", "ude00",        "n",
      "\n", "\x1f", "\x7f", "\xc3",  "\xa9",  "\xed\xa0\x80", "\xf0\x9f\x98\x80",
      "/"};
  constexpr size_t kPieces = std::size(pieces);
  for (size_t n = 0; n < kPieces * kPieces * kPieces * kPieces; ++n) {
    std::string text = "\"";
    for (size_t left = n; left; left /= kPieces) text += pieces[left % kPieces];
    text += '"';
    JsonCursor in(text);
    const auto read = in.text();
    const auto parsed = parse_json(text);
    ASSERT_EQ(read && in.ends(), parsed.has_value()) << text;
    if (parsed) {
      ASSERT_EQ(*read, std::string_view(parsed->get_string())) << text;
    }
  }
}
}  // namespace
}  // namespace sluice
