// SPDX-License-Identifier: Apache-2.0
#include "services/kms/kms.h"

#include <thread>

#include "crypto/key_pair.h"
#include "services/kms/granting.h"
#include "services/kms/keys.h"
#include "store/store_fixture.h"

namespace sluice::kms {
namespace {
Grant grant_for(std::string grantee, std::vector<std::string> operations) {
  return {.key_id = "k",
          .id = random_hex(64),
          .grantee = std::move(grantee),
          .operations = std::move(operations)};
}

TEST(Grants, CoverTheirOperationsInTheirContext) {
  Grant grant = grant_for("r", {"Encrypt", "DescribeKey"});
  EXPECT_TRUE(covers(grant, "Encrypt", {{"a", "b"}}));
  EXPECT_FALSE(covers(grant, "Decrypt", {}));
  EXPECT_FALSE(covers(grant, "encrypt", {}));
  grant.context_subset = {{"App", "a"}};
  EXPECT_TRUE(covers(grant, "Encrypt", {{"aPP", "a"}, {"more", "x"}}));
  EXPECT_FALSE(covers(grant, "Encrypt", {{"App", "A"}}));
  EXPECT_FALSE(covers(grant, "Encrypt", {}));
  EXPECT_TRUE(covers(grant, "DescribeKey", {}));
  grant.context_equals = {{"App", "a"}, {"b", "c"}};
  EXPECT_TRUE(covers(grant, "Encrypt", {{"b", "c"}, {"app", "a"}}));
  EXPECT_FALSE(covers(grant, "Encrypt", {{"App", "a"}}));
  EXPECT_FALSE(covers(grant, "Encrypt", {{"App", "a"}, {"b", "c"}, {"d", "e"}}));
}
TEST(Grants, AreHandedOnButNotWidened) {
  Grant parent = grant_for("r", {"Encrypt", "Decrypt", "CreateGrant"});
  Grant child = grant_for("s", {"Encrypt"});
  EXPECT_TRUE(may_create(parent, child));
  EXPECT_FALSE(may_create(grant_for("r", {"Encrypt"}), child));
  EXPECT_FALSE(may_create(parent, grant_for("s", {"Encrypt", "Sign"})));
  parent.context_subset = {{"a", "1"}};
  EXPECT_FALSE(may_create(parent, child));
  child.context_subset = {{"A", "1"}, {"b", "2"}};
  EXPECT_TRUE(may_create(parent, child));
  child.context_subset = {};
  child.context_equals = {{"a", "1"}};
  EXPECT_TRUE(may_create(parent, child));
  child.context_equals = {{"a", "2"}};
  EXPECT_FALSE(may_create(parent, child));
  parent.context_subset = {};
  parent.context_equals = {{"a", "1"}};
  EXPECT_FALSE(may_create(parent, child));
  child.context_equals = {{"a", "1"}};
  EXPECT_TRUE(may_create(parent, child));
}

class KmsTest : public StoreTest {
 protected:
  void commit(const std::function<void(Staged&)>& write) {
    Staged staged = store_->stage();
    write(staged);
    ASSERT_TRUE(store_->commit(std::move(staged), {}));
  }
  size_t scrubs() {
    size_t waiting = 0;
    for (const Jobs::Status& one : store_->jobs().status())
      if (one.queue == "kms.scrub") waiting += one.waiting;
    return waiting;
  }
  bool scrubbed() {
    for (int i = 0; i < 100; ++i) {
      if (!scrubs()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }
};

TEST_F(KmsTest, FindsTheGrantsOfAPrincipal) {
  open();
  const Grant one = grant_for("AROA1", {"Encrypt"}), two = grant_for("AROA2", {"Encrypt"});
  commit([&](Staged& staged) {
    ASSERT_TRUE(put_grant(staged, one));
    ASSERT_TRUE(put_grant(staged, two));
  });
  const auto found = [&](const std::string& role_id) {
    const auto of = grants_that([](const Grant&) { return true; }, "k", store_->snapshot());
    return of({.type = policy::Principal::Type::assumed_role, .role_id = role_id}).size();
  };
  EXPECT_EQ(found("AROA1"), 1U);
  EXPECT_EQ(found("AROA"), 0U);
  commit([&](Staged& staged) {
    EXPECT_EQ(grant_count(staged, "k"), 2);
    erase_grant(staged, one);
  });
  EXPECT_EQ(found("AROA1"), 0U);
  commit([&](Staged& staged) {
    erase_grants(staged, "k");
    EXPECT_EQ(grant_count(staged, "k"), 0);
  });
  EXPECT_EQ(found("AROA2"), 0U);
}

TEST_F(KmsTest, AKeyHasAtMostFiftyThousandGrants) {
  open();
  Staged staged = store_->stage();
  staged.put(grant_count_key("k"), std::to_string(kGrantsMax - 1));
  EXPECT_TRUE(put_grant(staged, grant_for("r", {"Encrypt"})));
  const auto refused = put_grant(staged, grant_for("r", {"Encrypt"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "LimitExceededException");
}

TEST_F(KmsTest, VerifyFollowsGrantsFromBothSides) {
  open();
  const auto damaged = [&] {
    Ports ports;
    ports.store = store_.get();
    Verification found;
    verify(ports, found);
    return found.damaged.size();
  };
  data_keys(*store_);
  Grant grant = grant_for("AROA1", {"Encrypt"});
  grant.key_id = *store_->snapshot().get(alias_key("alias/aws/s3"));
  grant.retiring = "AROA2";
  commit([&](Staged& staged) { ASSERT_TRUE(put_grant(staged, grant)); });
  EXPECT_EQ(damaged(), 0U);
  for (const Key& key : {grantee_key(grant), retirable_key(grant), grant_count_key(grant.key_id),
                         Key(grant_key(grant.key_id, grant.id)), Key(record_key(grant.key_id))}) {
    const auto kept = store_->snapshot().get(key);
    commit([&](Staged& staged) { staged.erase(key); });
    EXPECT_GT(damaged(), 0U);
    commit([&](Staged& staged) { staged.put(key, kept.value_or("")); });
    EXPECT_EQ(damaged(), 0U);
  }
}

// Who still reads sees what was erased, so the files must keep it until he is done.
TEST_F(KmsTest, ScrubsWhenNobodyReadsWhatWasThereBefore) {
  open();
  start_sweep(*store_);
  commit([](Staged& staged) { staged.put(alias_key("alias/a"), "1"); });
  std::optional<Snapshot> reader = store_->snapshot();
  commit([](Staged& staged) {
    staged.erase(alias_key("alias/a"));
    scrub_after(staged);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(scrubs(), 1U);
  reader.reset();
  EXPECT_TRUE(scrubbed());
}
}  // namespace
}  // namespace sluice::kms
