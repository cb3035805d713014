// SPDX-License-Identifier: Apache-2.0
#include "request/counters.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {
constexpr Row row_named(std::string_view name) {
  return {name, "", {}, {}, {}, {}, {}, {}, {}, {}};
}
constexpr Row kRows[] = {row_named("PutObject"), row_named("GetObject"), row_named("HeadObject")};
constexpr Service kS3{"s3", "s3.amazonaws.com", Protocol::rest_xml, "", "", kRows, ""};
}  // namespace

TEST(Counters, CountCallsByOperationAndCode) {
  const Service* const services[] = {&kS3};
  Counters counters(services, nullptr);
  EXPECT_TRUE(counters.shown().empty());
  counters.count(kS3, &kRows[0], "", 100);
  counters.count(kS3, &kRows[0], "NoSuchBucket", 300);
  counters.count(kS3, &kRows[1], "", 7);
  counters.count(kS3, nullptr, "SignatureDoesNotMatch", 1);
  const Row elsewhere = row_named("NotOfTheTable");
  counters.count(kS3, &elsewhere, "", 1);
  EXPECT_EQ(json::serialize(counters.shown()),
            R"([{"Service":"-","Operation":"-","Calls":2,"P50Us":1,"P99Us":1,"MaxUs":1,)"
            R"("Errors":{"SignatureDoesNotMatch":1}},)"
            R"({"Service":"s3","Operation":"GetObject","Calls":1,"P50Us":7,"P99Us":7,"MaxUs":7,)"
            R"("Errors":{}},)"
            R"({"Service":"s3","Operation":"PutObject","Calls":2,"P50Us":111,"P99Us":319,)"
            R"("MaxUs":319,"Errors":{"NoSuchBucket":1}}])");
}

// Whatever codes a fault may bring forth: the memory for them is bounded.
TEST(Counters, KeepAFewCodesAndSumUpTheRest) {
  const Service* const services[] = {&kS3};
  Counters counters(services, nullptr);
  for (int n = 0; n < 1000; ++n) counters.count(kS3, &kRows[0], "Code" + std::to_string(n), 1);
  const json::object errors = counters.shown().at(0).at("Errors").as_object();
  EXPECT_EQ(errors.size(), 65u);
  EXPECT_EQ(int_of(errors, "Other"), 936);
}

}  // namespace sluice
