// SPDX-License-Identifier: Apache-2.0
#include "services/logs/records.h"

#include <gtest/gtest.h>

namespace sluice::logs {
namespace {

// As 0.9 wrote them.
TEST(LogsRecords, ReadWhatOlderProgramsWrote) {
  const Group group{.id = "i", .name = "n", .created = 5, .retention_days = 7};
  EXPECT_EQ(
      decode<Group>(R"({"Id":"i","Name":"n","Created":5,"Class":"STANDARD","RetentionDays":7})"),
      group);
  EXPECT_EQ(decode<Group>(encode(group)), group);
  EXPECT_EQ(decode<Group>(R"({"Id":"i","Name":"n","Created":5,"Class":"STANDARD"})"),
            (Group{.id = "i", .name = "n", .created = 5}));
  EXPECT_EQ(decode<Stream>(R"({"Id":"i","Name":"n","Created":5})"),
            (Stream{.id = "i", .name = "n", .created = 5}));
}

// What is erased follows from it: of a group, or of one stream.
TEST(LogsRecords, APurgeNamesAStreamOrNone) {
  const json::object group{{"Group", "g"}}, stream{{"Group", "g"}, {"Stream", "s"}};
  EXPECT_EQ(members_of(PurgeEvent{"g"}), group);
  EXPECT_EQ(members_of(PurgeEvent{"g", "s"}), stream);
  EXPECT_EQ(members_from<PurgeEvent>(group).stream_id, "");
  EXPECT_EQ(members_from<PurgeEvent>(stream).stream_id, "s");
}

}  // namespace
}  // namespace sluice::logs
