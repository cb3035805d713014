// SPDX-License-Identifier: Apache-2.0
// That a decision which allows takes nothing from the heap. This file counts for its whole program.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "policy/decide.h"

namespace {
thread_local size_t allocations = 0;
}
void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace sluice::policy {
namespace {
DocumentPtr twenty_statements(const std::string& conditions) {
  std::string text = R"({"Version":"2012-10-17","Statement":[)";
  for (int n = 0; n < 20; ++n)
    text +=
        (n ? "," : "") +
        (R"({"Effect":"Allow","Action":["s3:List*","s3:GetObject"],"Resource":"arn:aws:s3:::b)" +
         std::to_string(n) + R"(/*","Condition":{)" + conditions + "}}");
  return *parse(text + "]}", Kind::identity);
}

TEST(Decide, AllocatesNothingWhenItAllows) {
  Question q;
  q.principal = {Principal::Type::assumed_role, "arn:aws:sts::000000000000:assumed-role/r/s",
                 "arn:aws:iam::000000000000:role/r", "AROA", "000000000000"};
  q.action = "s3:GetObject";
  q.resource = "arn:aws:s3:::b19/a key that is longer than a short string";
  q.resource_account = "000000000000";
  q.context = {{"aws:securetransport", {"true"}},
               {"aws:sourceip", {"10.1.2.3"}},
               {"aws:principalarn", {"arn:aws:iam::000000000000:role/r"}},
               {"aws:tagkeys", {"one", "two"}}};
  q.policies.identity = {{Kind::identity, "a policy whose name is long", twenty_statements(R"(
        "Bool":{"aws:SecureTransport":"true"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},
        "ArnLike":{"aws:PrincipalArn":"arn:aws:iam::000000000000:role/*"},
        "ForAllValues:StringEquals":{"aws:TagKeys":["one","two","three"]},
        "StringNotEquals":{"aws:PrincipalTag/team":"a value that is longer than a short string"},
        "Null":{"aws:Referer":"true"})")}};
  q.policies.resource = {{Kind::resource, "arn:aws:s3:::b19",
                          *parse(R"({"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*",
                  "NotResource":"arn:aws:s3:::b19/*"}})",
                                 Kind::resource)}};
  q.policies.boundary = q.policies.identity;
  ASSERT_TRUE(decide(q).allowed());  // what is made once is made now
  const size_t before = allocations;
  const Decision decision = decide(q);
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(decision.allowed());
  EXPECT_EQ(decision.statements.size(), 2U);
}

}  // namespace
}  // namespace sluice::policy
