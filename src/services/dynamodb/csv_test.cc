// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/csv.h"

#include <gtest/gtest.h>

namespace sluice::dynamodb {
namespace {
// Rows as "a|b;" and broken ones as "!;", read in pieces of `step` bytes.
std::string rows_of(std::string_view text, size_t step, char delimiter = ',') {
  std::string out;
  CsvReader reader(delimiter, [&](CsvRow&& row) -> Result<Done> {
    if (row.broken)
      out += "!";
    else
      for (size_t i = 0; i < row.fields.size(); ++i) out += (i ? "|" : "") + row.fields[i];
    out += ";";
    return Done{};
  });
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size())))
    EXPECT_TRUE(reader.write(text.substr(0, step)));
  EXPECT_TRUE(reader.finish());
  return out;
}

// A field that is read wrongly is an item that is stored wrongly, whatever the pieces are.
TEST(Csv, FieldsAreReadAsTheyStand) {
  for (const size_t step : {1u, 2u, 3u, 1000u}) {
    EXPECT_EQ(rows_of("a,b\nc,d\n", step), "a|b;c|d;");
    EXPECT_EQ(rows_of("a,b\r\nc,d", step), "a|b;c|d;");
    EXPECT_EQ(rows_of("\n\na,,\n\n", step), "a||;");
    EXPECT_EQ(rows_of("\"a,b\",\"say \"\"so\"\"\",\"two\nlines\"\n", step),
              "a,b|say \"so\"|two\nlines;");
    EXPECT_EQ(rows_of("\"\",x\n", step), "|x;");
    EXPECT_EQ(rows_of("a;b,c\n", step, ';'), "a|b,c;");
    EXPECT_EQ(rows_of("", step), "");
  }
}

TEST(Csv, ARowThatCannotBeReadSpoilsNoOther) {
  EXPECT_EQ(rows_of("a\"b,c\nd,e\n", 1), "!;d|e;");
  EXPECT_EQ(rows_of("\"a\"b,c\nd,e\n", 1), "!;d|e;");
  EXPECT_EQ(rows_of("a,b\n\"never ends,c\nd,e\n", 1), "a|b;!;");
  const std::string longest(kCsvRowBytesMax, 'x');
  EXPECT_EQ(rows_of(longest + "\na\n", 4096), longest + ";a;");
  EXPECT_EQ(rows_of(longest + "x\na\n", 4096), "!;a;");
  const std::string most(kCsvFieldsMax - 1, ',');
  EXPECT_EQ(rows_of(most + "\na\n", 64), std::string(kCsvFieldsMax - 1, '|') + ";a;");
  EXPECT_EQ(rows_of(most + ",\na\n", 64), "!;a;");
}
}  // namespace
}  // namespace sluice::dynamodb
