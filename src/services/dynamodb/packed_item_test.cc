// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/packed_item.h"

#include <gmock/gmock.h>

#include "services/dynamodb/codec.h"
#include "services/dynamodb/items.h"

namespace sluice::dynamodb {
namespace {
std::optional<PackedItem> read(const std::string& text) {
  JsonCursor in(text);
  auto item = PackedItem::read(in);
  return item && in.ends() ? item : std::nullopt;
}
json::object checked(const std::string& text) {
  json::object item = *parse_json_object(text);
  EXPECT_TRUE(check_item(item)) << text;
  return item;
}
std::string many(size_t count, const std::string& one, const std::string& between = ",") {
  std::string out;
  for (size_t n = 0; n < count; ++n) out += (n ? between : "") + one;
  return out;
}
std::string nested(size_t levels) {
  std::string out = R"({"S":"x"})";
  for (size_t n = 1; n < levels; ++n) out = R"({"L":[)" + out + "]}";
  return R"({"a":)" + out + "}";
}

TEST(PackedItem, IsWhatTheTreeIsEncodedAs) {
  for (const std::string& text : {
           std::string("{}"),
           std::string(R"({"s":{"S":"é\u0000\ud83d\ude00"},"n":{"N":"-12.50e1"},"b":{"B":"AP8="},
             "e" : {"B":""},"t":{"BOOL":true},"f":{"BOOL":false},"z":{"NULL":false},"":{"S":""},
             "l":{"L":[{"S":""},{"L":[]},{"M":{"k":{"N":"1"},"k2":{"M":{}}}}]}})"),
           R"({"l":{"L":[)" + many(127, R"({"N":"7"})") + "]}}",
           R"({"long":{"S":")" + std::string(200'000, 'x') + R"("}})",
           nested(kNestingMax),
       }) {
    const auto item = read(text);
    ASSERT_TRUE(item) << text;
    const json::object tree = checked(text);
    EXPECT_EQ(item->bytes(), encode_item(tree));
    EXPECT_EQ(PackedItem(tree).bytes(), item->bytes());
    EXPECT_EQ(item->tree(), tree);
    ASSERT_EQ(item->size(), tree.size());
    for (size_t n = 0; n < item->size(); ++n) {
      const json::value& value = tree.at(item->name(n));
      EXPECT_EQ(type_of(item->value(n)), type_of(value));
      if (!item->value(n).is_scalar()) continue;
      EXPECT_EQ(item->value(n).shown(), value.get_object().begin()->value().get_string());
      EXPECT_EQ(sortable(item->value(n)), sortable(value));
    }
  }
}

TEST(PackedItem, FindsItsAttributes) {
  const auto item = read(R"({"id":{"S":"a"},"id2":{"N":"1.50"},"bytes":{"B":"AAE="}})");
  ASSERT_TRUE(item);
  EXPECT_EQ(item->find("id")->content(), "a");
  EXPECT_EQ(item->find("id2")->content(), "1.5");
  EXPECT_EQ(item->find("bytes")->content(), std::string_view("\0\1", 2));
  EXPECT_EQ(item->find("bytes")->shown(), "AAE=");
  EXPECT_FALSE(item->find("i"));
  EXPECT_FALSE(item->find("id3"));
  const PackedItem sets(checked(R"({"a":{"SS":["x"]},"b":{"NS":["1"]},"c":{"BS":["AA=="]}})"));
  EXPECT_EQ(type_of(*sets.find("a")), "SS");
  EXPECT_EQ(type_of(*sets.find("b")), "NS");
  EXPECT_EQ(type_of(*sets.find("c")), "BS");
}

TEST(PackedItem, LeavesWhatIsUnusualOrWrongToTheTree) {
  for (const std::string& text : {
           std::string(""),
           std::string("null"),
           std::string("{"),
           std::string(R"({"a")"),
           std::string(R"({"a":{"S":"x"},})"),
           std::string(R"({"a":{"S":"x"}}})"),
           std::string(R"({"a":{"S":"x"} "b":{"S":"x"}})"),
           std::string(R"({"a":{}})"),
           std::string(R"({"a":{"S":"x","S":"y"}})"),
           std::string(R"({"a":{"S":"x","N":"1"}})"),
           std::string(R"({"a":{"S":"x"},"\u0061":{"S":"y"}})"),
           std::string(R"({"m":{"M":{"a":{"S":"x"},"a":{"S":"y"}}}})"),
           std::string(R"({"a":{"S":1}})"),
           std::string(R"({"a":{"N":1}})"),
           std::string(R"({"a":{"N":"x"}})"),
           std::string(R"({"a":{"N":"1e126"}})"),
           std::string(R"({"a":{"N":"123456789012345678901234567890123456789"}})"),
           std::string(R"({"a":{"B":"AAE"}})"),
           std::string(R"({"a":{"B":"AAF="}})"),
           std::string(R"({"a":{"BOOL":"true"}})"),
           std::string(R"({"a":{"BOOL":tru}})"),
           std::string(R"({"a":{"NULL":null}})"),
           std::string(R"({"a":{"X":"x"}})"),
           std::string(R"({"a":{"SS":["x"]}})"),
           std::string(R"({"a":{"L":[{"S":"x"},]}})"),
           std::string("{\"a\":{\"S\":\"\xc3\"}}"),
           std::string("{\"a\":{\"S\":\"\n\"}}"),
           R"({"l":{"L":[)" + many(128, R"({"N":"7"})") + "]}}",
           R"({"long":{"S":")" + std::string(kItemBytesMax / 2, 'x') + R"("}})",
           R"({")" + std::string(kNameBytesMax + 1, 'n') + R"(":{"S":"x"}})",
           nested(kNestingMax + 1),
       })
    EXPECT_FALSE(read(text)) << text.substr(0, 200);
}

// What an item may have is counted in the tree alone, so what is read here must be far below it.
TEST(PackedItem, OfHalfTheBytesIsNeverTooLarge) {
  for (const char* one : {R"({"NULL":true})", R"({"L":[]})", R"({"N":"-1.5"})", R"({"B":"AA=="})",
                          R"({"M":{"":{"NULL":true}}})", R"({"L":[{"L":[{"NULL":true}]}]})"}) {
    const auto item = read(R"({"":)" + std::string(one) + "}");
    ASSERT_TRUE(item);
    EXPECT_LE(1 + value_bytes(checked(R"({"":)" + std::string(one) + "}").at("")),
              2 * (item->bytes().size() - 2))
        << one;
  }
}

// The same batch with a member that nobody knows is read as a tree.
TEST(BatchWriteItem, IsTheSameWithAndWithoutATree) {
  const std::string put = R"({"PutRequest":{"Item":{"k":{"S":"a"},"n":{"N":"01.0"}}}})",
                    erase = R"({"DeleteRequest":{"Key":{"k":{"S":"b"}}}})";
  for (const std::string& requests :
       {put, put + "," + erase, many(25, erase), many(26, put), std::string(), std::string("1"),
        std::string(R"({"PutRequest":{"Item":{"k":{"N":"x"}}}})"),
        std::string(R"({"PutRequest":{"Key":{"k":{"S":"x"}}}})"),
        std::string(R"({"DeleteRequest":{"Item":{"k":{"S":"x"}}}})"),
        std::string(R"({"PutRequest":{"Item":{}},"DeleteRequest":{"Key":{}}})"),
        std::string(R"({"PutRequest":{"Item":{"k":{"S":"x"}},"Item":{"k":{"S":"y"}}}})"),
        std::string(R"({"PutRequest":{"Item":{"k":{"SS":["b","a"]}}}})")})
    for (const std::string table :
         {"table", "t", "arn:aws:dynamodb:us-east-1:000000000000:table/x.y"}) {
      const std::string members = R"("RequestItems":{")" + table + "\":[" + requests + "]}}";
      Request usual, other;
      usual.body = "{" + members;
      other.body = R"({"Other":1,)" + members;
      const auto one = BatchWriteItem::parse(usual), two = BatchWriteItem::parse(other);
      ASSERT_EQ(one.has_value(), two.has_value()) << usual.body;
      if (!one) {
        EXPECT_EQ(one.error().message, two.error().message) << usual.body;
        continue;
      }
      ASSERT_EQ(one->tables.size(), two->tables.size());
      ASSERT_EQ(one->tables[0].first, two->tables[0].first);
      const auto &writes = one->tables[0].second, &others = two->tables[0].second;
      ASSERT_EQ(writes.size(), others.size());
      for (size_t n = 0; n < writes.size(); ++n) {
        EXPECT_EQ(writes[n].put, others[n].put);
        EXPECT_EQ(writes[n].item.bytes(), others[n].item.bytes());
      }
    }
}
// Else the record of the call would show the writes of one of the two names alone.
TEST(BatchWriteItem, TakesTheNameAndTheArnOfATableTogether) {
  const auto puts = [](const std::string& table, const std::string& key) {
    return "\"" + table + R"(":[{"PutRequest":{"Item":{"k":{"S":")" + key + R"("}}}}])";
  };
  Request request;
  request.body = R"({"RequestItems":{)" + puts("table", "a") + "," + puts("other", "b") + "," +
                 puts("arn:aws:dynamodb:us-east-1:000000000000:table/table", "c") + "}}";
  const auto in = BatchWriteItem::parse(request);
  ASSERT_TRUE(in);
  ASSERT_EQ(in->tables.size(), 2u);
  EXPECT_EQ(in->tables[0].first, "table");
  EXPECT_EQ(in->tables[0].second.size(), 2u);
  EXPECT_EQ(in->tables[1].second.size(), 1u);
}
}  // namespace
}  // namespace sluice::dynamodb
