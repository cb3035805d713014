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
    Version version{{}, body};
    version.facts.size = 3;
    version.facts.etag = "e";
    const std::string value = version.pack();
    const Version back = Version::unpack(value);
    EXPECT_EQ(back.facts, version.facts);
    EXPECT_EQ(back.sealed, body);
    EXPECT_EQ(Version::unpack_facts(value), version.facts);
  }
}
// How programs of format 2 wrote its facts: JSON without a version before it.
TEST(VersionRecord, ReadsAnOldOne) {
  const std::string facts =
      R"({"Size":9,"ETag":"e","KeyArn":"","Parts":1,"Blobs":[{"Id":"f","Bytes":9,"Wrapped":"w",)"
      R"("ChecksumValue":"c"}],"Headers":{"content-type":"a/b"},"Meta":{},)"
      R"("Tags":{"b":"1","a":"2"},"LockMode":"GOVERNANCE","LockUntil":5,"Id":"null"})";
  ASSERT_LT(facts.size(), 256);
  const Version read =
      Version::unpack(std::string(3, '\0') + static_cast<char>(facts.size()) + facts + "body");
  EXPECT_EQ(read.sealed, "body");
  EXPECT_EQ(read.facts.size, 9);
  EXPECT_EQ(read.facts.id, "null");
  EXPECT_EQ(read.facts.parts, 1);
  EXPECT_EQ(read.facts.files, (std::vector<SealedFile>{{"f", 9, "w", "c"}}));
  EXPECT_EQ(read.facts.headers, (json::object{{"content-type", "a/b"}}));
  EXPECT_EQ(json::serialize(read.facts.tags), R"({"b":"1","a":"2"})");
  EXPECT_EQ(read.facts.lock_mode, "GOVERNANCE");
  EXPECT_EQ(read.facts.lock_until, 5);
  EXPECT_TRUE(read.facts.unknown.empty());
  EXPECT_EQ(Version::unpack(read.pack()).facts, read.facts);
}
TEST(VersionRecord, RefusesARecordThatWasCut) {
  Version version;
  version.facts.size = 3;
  const std::string value = version.pack();
  for (size_t size = 0; size < value.size(); ++size)
    EXPECT_THROW(Version::unpack(value.substr(0, size)), UnreadableRecord) << size;
}

// Every flag off is a configuration; none at all is not, and was `{}` in format 2.
TEST(BucketRecord, KnowsFlagsThatAreOffFromNone) {
  Bucket bucket;
  bucket.public_access_block = {false, false, false, false};
  EXPECT_EQ(decode<Bucket>(encode(bucket)), bucket);
  EXPECT_NE(decode<Bucket>(encode(bucket)), Bucket{});
  EXPECT_EQ(decode<Bucket>(R"({"PublicAccessBlock":{}})"), Bucket{});
  EXPECT_EQ(
      decode<Bucket>(R"({"PublicAccessBlock":{"BlockPublicAcls":true,"IgnorePublicAcls":true,)"
                     R"("BlockPublicPolicy":false,"RestrictPublicBuckets":true}})")
          .public_access_block,
      (PublicAccessBlock{true, true, false, true}));
}
TEST(BucketRecord, KnowsAnEmptyLockFromNone) {
  Bucket bucket;
  bucket.object_lock.emplace();
  EXPECT_TRUE(decode<Bucket>(encode(bucket)).object_lock);
  EXPECT_TRUE(decode<Bucket>(R"({"ObjectLock":{}})").object_lock);
  EXPECT_FALSE(decode<Bucket>(encode(Bucket{})).object_lock);
}
TEST(BucketRecord, KeepsWhatItsConfigurationsSay) {
  const std::string old =
      R"({"Name":"b","Created":7,"Versioning":"","Algorithm":"AES256","KmsKey":"",)"
      R"("BucketKey":true,"Policy":"{}","PublicAccessBlock":{},)"
      R"("Notifications":[{"Id":"i","Arn":"a","Events":["s3:*"],"Prefix":"p",)"
      R"("Suffix":""}],"Cors":[{"AllowedOrigin":["*"],"AllowedMethod":["GET"],)"
      R"("AllowedHeader":[],"ExposeHeader":[],"ID":"","MaxAgeSeconds":0}],)"
      R"("ObjectLock":{"Mode":"COMPLIANCE","Years":2},"Tags":{"z":"1","y":""},"Later":[1]})";
  const auto bucket = decode<Bucket>(old);
  EXPECT_EQ(bucket.notifications, (std::vector<Notification>{{"i", "a", {"s3:*"}, "p", ""}}));
  EXPECT_EQ(bucket.cors, (std::vector<CorsRule>{{"", {"*"}, {"GET"}, {}, {}, 0}}));
  EXPECT_EQ(bucket.object_lock, (DefaultRetention{"COMPLIANCE", 0, 2}));
  EXPECT_EQ(bucket.unknown, (json::object{{"Later", json::array{1}}}));
  const auto again = decode<Bucket>(encode(bucket));
  EXPECT_EQ(again, bucket);
  EXPECT_EQ(json::serialize(again.tags), R"({"z":"1","y":""})");
}

Lock locked(const char* mode, Time until) { return {{mode, until}, {}}; }
// S3 User Guide, "Object Lock retention modes" and "Legal holds".
TEST(ObjectLock, SaysWhatMayGo) {
  const Time before = now() - 1000, after = now() + 100'000;
  for (const bool bypass : {false, true}) {
    EXPECT_TRUE(removable({}, bypass));
    EXPECT_TRUE(removable(locked("COMPLIANCE", before), bypass));
    EXPECT_TRUE(removable(locked("GOVERNANCE", before), bypass));
    EXPECT_FALSE(removable(locked("COMPLIANCE", after), bypass));
    EXPECT_EQ(removable(locked("GOVERNANCE", after), bypass).has_value(), bypass);
    EXPECT_FALSE(removable({{}, "ON"}, bypass));
    EXPECT_TRUE(removable({{}, "OFF"}, bypass));
    Lock both = locked("GOVERNANCE", before);
    both.legal_hold = "ON";
    EXPECT_FALSE(removable(both, bypass));
  }
}
}  // namespace
}  // namespace sluice::s3
