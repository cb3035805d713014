// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/dynamodb.h"
#include "services/dynamodb/records.h"
#include "store/store_fixture.h"

namespace sluice::dynamodb {
namespace {

// It neither ends the whole of `sluice verify` nor is passed over.
TEST_F(StoreTest, VerifyNamesATableWhoseRecordCannotBeRead) {
  Staged staged = open().stage();
  const Key key = table_key("broken");
  staged.put(key, R"({"Created":"today"})");
  ASSERT_TRUE(store_->commit(std::move(staged), {}));
  Ports ports;
  ports.store = store_.get();
  Verification found;
  verify(ports, found);
  EXPECT_EQ(found.damaged, std::vector<std::string>{"table broken: its record cannot be read"});
}

}  // namespace
}  // namespace sluice::dynamodb
