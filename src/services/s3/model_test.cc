// SPDX-License-Identifier: Apache-2.0
#include "services/s3/model.h"

#include <gtest/gtest.h>

#include "services/s3/object_lock.h"

namespace sluice::s3 {
namespace {
// docs/on-disk.md: length, facts, body. The body may hold anything, also what looks like a record.
TEST(VersionRecord, KeepsFactsAndBodyApart) {
  for (const std::string& body :
       {std::string(), std::string("\0\0\0\2{}", 6), std::string(70'000, '\xff')}) {
    const Version version{{{"Size", 3}, {"ETag", "e"}}, body};
    const std::string record = version.pack();
    const auto back = Version::unpack(record);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->facts, version.facts);
    EXPECT_EQ(back->sealed, body);
    EXPECT_EQ(Version::unpack_facts(record), version.facts);
  }
}
TEST(VersionRecord, RefusesARecordThatWasCut) {
  const std::string record = Version{{{"Size", 3}}, {}}.pack();
  for (size_t size = 0; size < record.size(); ++size)
    EXPECT_FALSE(Version::unpack(record.substr(0, size))) << size;
}

json::object locked(const char* mode, Time until) {
  return {{"LockMode", mode}, {"LockUntil", until}};
}
// S3 User Guide, "Object Lock retention modes" and "Legal holds".
TEST(ObjectLock, SaysWhatMayGo) {
  const Time before = now() - 1000, after = now() + 100'000;
  for (const bool bypass : {false, true}) {
    EXPECT_TRUE(removable({}, bypass));
    EXPECT_TRUE(removable(locked("COMPLIANCE", before), bypass));
    EXPECT_TRUE(removable(locked("GOVERNANCE", before), bypass));
    EXPECT_FALSE(removable(locked("COMPLIANCE", after), bypass));
    EXPECT_EQ(removable(locked("GOVERNANCE", after), bypass).has_value(), bypass);
    EXPECT_FALSE(removable({{"LegalHold", "ON"}}, bypass));
    EXPECT_TRUE(removable({{"LegalHold", "OFF"}}, bypass));
    json::object both = locked("GOVERNANCE", before);
    both["LegalHold"] = "ON";
    EXPECT_FALSE(removable(both, bypass));
  }
}
}  // namespace
}  // namespace sluice::s3
