// SPDX-License-Identifier: Apache-2.0
#include "base/json_writer.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace sluice {
namespace {
// Records were written by Boost.JSON before: who compares two of them compares bytes.
TEST(JsonWriter, WritesTheBytesThatBoostWrites) {
  std::string every_ascii, more = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x8a";
  for (char c = 0; c < 127; ++c) every_ascii += c;
  const json::value document = json::object{
      {every_ascii, json::array{every_ascii, more, "", nullptr, true, false}},
      {"numbers", json::array{0, -1, INT64_MAX, INT64_MIN, UINT64_MAX, 1.5, -0.0, 1e300}},
      {"empty", json::array{json::object{}, json::array{}, json::array{json::object{}}}},
      {more, json::object{{"a", json::object{{"b", "c"}}}, {"d", 1}}}};
  EXPECT_EQ(written_json(document), json::serialize(document));
}

// A text is looked at eight characters at a time: each one counts, wherever it stands.
TEST(JsonWriter, EscapesEachCharacterAtEachPlace) {
  for (int c = 0; c < 0x80; ++c)
    for (size_t at = 0; at < 20; ++at) {
      std::string text(20, 'a');
      text[at] = static_cast<char>(c);
      EXPECT_EQ(written_json(json::value(text)), json::serialize(json::value(text)));
    }
}
TEST(JsonWriter, WritesMemberAfterMember) {
  JsonWriter writer;
  writer.begin_object().member("a", "x").member("b", true).member("c", size_t{7});
  writer.name("d").begin_array().value(-1).text("y").begin_object().end_object().end_array();
  writer.name("e").begin_written_object(R"({"f":1})").member("g", nullptr).end_object();
  writer.name("h").begin_written_object("{}").member("i", 2).end_object();
  writer.name("j").written("[]").end_object();
  EXPECT_EQ(writer.take(),
            R"({"a":"x","b":true,"c":7,"d":[-1,"y",{}],"e":{"f":1,"g":null},"h":{"i":2},"j":[]})");
}

TEST(JsonWriter, TakesBackAValue) {
  JsonWriter writer;
  writer.begin_object().member("a", 1).name("b");
  const size_t begun = writer.size();
  writer.value(json::array{1, 2, 3}).take_back(begun).text("too large").member("c", 2).end_object();
  EXPECT_EQ(writer.take(), R"({"a":1,"b":"too large","c":2})");
}

TEST(JsonWriter, OfTwoMembersWithOneNameTheFirstCounts) {
  JsonWriter writer;
  writer.begin_object();
  JsonMembers some(writer, "some"), none(writer, "none");
  some.add("a", 1);
  some.add("a", 2);
  EXPECT_EQ(some.open("a"), nullptr);
  EXPECT_TRUE(some.end());
  EXPECT_FALSE(none.end());
  EXPECT_EQ(writer.end_object().take(), R"({"some":{"a":1}})");
}

// A record that no reader can parse would be in no trail.
TEST(JsonWriter, WhateverItIsGivenCanBeReadBack) {
  json::value deep = "end";
  for (int i = 0; i < 300; ++i) deep = json::array{std::move(deep)};
  const auto read = parse_json_object(written_json(
      json::object{{"text", "\xff\n\""}, {"na\xffme", "\xed\xa0\x80"}, {"deep", std::move(deep)}}));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(text_of(*read, "text"), "%FF%0A%22");
  EXPECT_EQ(text_of(*read, "na%FFme"), "%ED%A0%80");
  EXPECT_TRUE(json::serialize(read->at("deep")).find("nested too deep to be shown") !=
              std::string::npos);
}
}  // namespace
}  // namespace sluice
