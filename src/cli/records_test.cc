// SPDX-License-Identifier: Apache-2.0
// The layouts of records are a promise: a directory of an earlier version must be read for ever.
#include "cli/records.h"

#include <gtest/gtest.h>

#include <set>

#include "base/bytes.h"
#include "base/files.h"

namespace sluice::cli {
namespace {

struct Fixture {
  std::string table;
  int version = 0;
  std::string members;
  std::string stored() const { return static_cast<char>(version) + members; }
};
std::vector<Fixture> fixtures() {
  std::vector<Fixture> out;
  const std::string text = read_file("tests/releases/records.txt").value_or("");
  for (const auto line : split(text, '\n')) {
    const auto parts = split(line, '\t');
    if (parts.size() == 3)
      out.push_back({std::string(parts[0]), static_cast<int>(parse_int(parts[1]).value()),
                     std::string(parts[2])});
  }
  return out;
}

TEST(Records, KeepTheLayoutOfTheirVersion) {
  const auto kept = fixtures();
  for (const RecordFacts& one : all_records()) {
    const Fixture now{std::string(one.type.table), one.type.version, one.example.substr(1)};
    const auto fixture = std::find_if(kept.begin(), kept.end(), [&](const Fixture& f) {
      return f.table == now.table && f.version == now.version;
    });
    ASSERT_NE(fixture, kept.end())
        << now.table << " has no line in tests/releases/records.txt; add its line of: "
        << "build/records fixture";
    EXPECT_EQ(fixture->members, now.members)
        << "the layout of " << now.table << " changed: raise its version, leave the old line of "
        << "tests/releases/records.txt and add its line of: build/records fixture";
  }
}

// What an earlier version wrote is read, and nothing of it gets lost when this one writes it.
TEST(Records, ReadWhatEveryVersionWrote) {
  std::map<std::string, RecordFacts> known;
  for (RecordFacts& one : all_records()) known.emplace(one.type.table, std::move(one));
  ASSERT_FALSE(fixtures().empty());
  for (const Fixture& one : fixtures()) {
    ASSERT_TRUE(known.contains(one.table)) << one.table;
    const RecordFacts& facts = known.at(one.table);
    const std::string written = facts.rewrite(one.stored());
    EXPECT_EQ(static_cast<int>(written[0]), facts.type.version);
    EXPECT_EQ(facts.rewrite(written), written);
    if (one.version == facts.type.version) {
      EXPECT_EQ(written, one.stored());
    }
    EXPECT_EQ(facts.rewrite(one.members), facts.rewrite("\x01" + one.members))
        << "format 2 had no version byte";
  }
}

TEST(Records, AreDescribed) {
  EXPECT_EQ(read_file("docs/records.md").value_or(""), records_document())
      << "run: build/records > docs/records.md";
}

TEST(Records, HaveEachATable) {
  std::set<std::string_view> tables;
  for (const RecordFacts& one : all_records()) EXPECT_TRUE(tables.insert(one.type.table).second);
}

}  // namespace
}  // namespace sluice::cli
