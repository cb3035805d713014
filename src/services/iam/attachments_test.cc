// SPDX-License-Identifier: Apache-2.0
#include "services/iam/iam.h"
#include "services/iam/records.h"
#include "store/store_fixture.h"

namespace sluice::iam {
namespace {
constexpr char kGone[] = "arn:aws:iam::000000000000:policy/gone";

class AttachmentsTest : public StoreTest {
 protected:
  void put(const std::vector<std::string>& attached) {
    Staged staged = open().stage();
    staged.put(role_key("reader"), Role{.name = "reader", .attached = attached});
    for (const std::string& arn : attached) staged.put(attachment_key(arn, "reader"), "");
    ASSERT_TRUE(store_->commit(std::move(staged), {}));
  }
  std::vector<std::string> damaged() {
    Ports ports;
    ports.store = store_.get();
    Verification found;
    verify(ports, found);
    return found.damaged;
  }
};

// No call can bring this about. If it is there all the same, it must not open anything.
TEST_F(AttachmentsTest, APolicyThatIsGoneDenies) {
  put({kGone});
  const auto rules = identities()->rules("reader", store_->snapshot());
  ASSERT_TRUE(rules);
  ASSERT_EQ(rules->policies.size(), 1U);
  EXPECT_EQ(rules->policies[0].name, kGone);
  EXPECT_EQ(rules->policies[0].document, nullptr);
}
TEST_F(AttachmentsTest, ADocumentIsParsedOnceForAllWhoAsk) {
  const std::string arn = "arn:aws:iam::aws:policy/AdministratorAccess";
  put({arn});
  const auto first = identities()->rules("reader", store_->snapshot()),
             second = identities()->rules("reader", store_->snapshot());
  ASSERT_TRUE(first->policies[0].document);
  EXPECT_EQ(first->policies[0].document, second->policies[0].document);
}
TEST_F(AttachmentsTest, VerifyFollowsThemFromBothSides) {
  put({"arn:aws:iam::aws:policy/AdministratorAccess"});
  EXPECT_TRUE(damaged().empty());
  put({kGone});
  EXPECT_EQ(damaged(), (std::vector<std::string>{
                           "role reader: its policy " + std::string(kGone) + " is gone",
                           "policy arn:aws:iam::aws:policy/AdministratorAccess: the role reader "
                           "does not have it"}));
}
}  // namespace
}  // namespace sluice::iam
