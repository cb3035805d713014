// SPDX-License-Identifier: Apache-2.0
// Identity and keys: a decision of the policy engine by itself, then calls of STS and KMS, whose
// work is little more than to authenticate, to authorise and to seal.
#include <fmt/format.h>

#include "base/bytes.h"
#include "bench.h"
#include "crypto/crypto.h"
#include "policy/decide.h"

namespace sluice::bench {
namespace {
// Twenty statements in two policies, as an ingest role has them: the last one allows.
policy::Question question_of_twenty() {
  const auto policy_of = [](int from, int count) {
    std::string text = R"({"Version":"2012-10-17","Statement":[)";
    for (int n = from; n < from + count; ++n) {
      const std::string bucket = "arn:aws:s3:::bucket-" + std::to_string(n) + "/*";
      text += (n == from ? "" : ",") +
              (R"({"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":")" +
               bucket + R"(","Condition":{"Bool":{"aws:SecureTransport":"true"}}})");
    }
    return *policy::parse(text + "]}", policy::Kind::identity);
  };
  policy::Question q;
  q.principal = {policy::Principal::Type::assumed_role,
                 "arn:aws:sts::000000000000:assumed-role/r/s", "arn:aws:iam::000000000000:role/r",
                 "AROA", "000000000000"};
  q.action = "s3:GetObject";
  q.resource = "arn:aws:s3:::bucket-19/key";
  q.resource_account = "000000000000";
  q.context["aws:securetransport"] = {"true"};
  q.policies.identity = {{policy::Kind::identity, "a", policy_of(0, 10)},
                         {policy::Kind::identity, "b", policy_of(10, 10)}};
  return q;
}
void measure_decisions(Report& report) {
  constexpr int kBatches = 200, kEach = 500;
  const policy::Question question = question_of_twenty();
  std::vector<double> us;
  for (int batch = 0; batch < kBatches; ++batch) {
    const int64_t began = monotonic_us();
    for (int n = 0; n < kEach; ++n)
      if (!policy::decide(question).allowed()) return report.missing("a decision", "it denied");
    us.push_back(static_cast<double>(monotonic_us() - began) / kEach);
  }
  const double p99 = percentile(us, 0.99);
  report.add({"decision over 20 statements", percentile(us, 0.5), "us",
              fmt::format("p99 {:.1f}", p99), 1, 2, true, ""});
}

Message json_call(const Signer& signer, const char* target, const std::string& body) {
  return {signer.head("POST", "/",
                      {{"content-type", "application/x-amz-json-1.1"},
                       {"x-amz-target", std::string("TrentService.") + target}},
                      hex(sha256(body)), body.size()),
          &body};
}
void add_load(Report& report, const std::string& name, const Load& load) {
  if (load.refused || load.answers == 0)
    return report.missing(name, load.refused ? load.first_refusal : "no answer");
  report.add({name, load.rate(), "/s",
              fmt::format("{}; {:.0f} us of the server's processor a call", load.split(),
                          load.server_cpu / static_cast<double>(load.answers) * 1e6)});
}
std::string element(const std::string& xml, const std::string& name) {
  const size_t at = xml.find("<" + name + ">") + name.size() + 2;
  return xml.substr(at, xml.find("</" + name + ">") - at);
}
// A policy that allows PutObject in the bucket `bench` by the last of its twenty statements.
std::string twenty_statements() {
  std::string policy = R"({"Version":"2012-10-17","Statement":[)";
  for (int n = 0; n < 20; ++n)
    policy += (n ? "," : "") +
              fmt::format(R"({{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],)"
                          R"("Resource":"arn:aws:s3:::{}/*",)"
                          R"("Condition":{{"Bool":{{"aws:SecureTransport":"true"}}}}}})",
                          n == 19 ? "bench" : "bucket-" + std::to_string(n));
  return policy + "]}";
}
// A session of a new role that has so many of these policies.
Result<cli::Credentials> session_with_policies(cli::Client& client, int count) {
  const std::string name = "bench-" + std::to_string(count) + "-policies",
                    account = client.endpoint().account_id;
  const auto ask = [&](std::vector<std::pair<std::string, std::string>> fields) {
    fields.emplace_back("Version", "2010-05-08");
    return client.call_query("iam", fields);
  };
  TRY(const std::string role,
      ask({{"Action", "CreateRole"},
           {"RoleName", name},
           {"AssumeRolePolicyDocument", R"({"Version":"2012-10-17","Statement":{"Effect":"Allow",)"
                                        R"("Principal":{"AWS":")" +
                                            account + R"("},"Action":"sts:AssumeRole"}})"}}));
  for (int n = 0; n < count; ++n) {
    const std::string policy_name = name + "-" + std::to_string(n);
    TRY(const std::string made, ask({{"Action", "CreatePolicy"},
                                     {"PolicyName", policy_name},
                                     {"PolicyDocument", twenty_statements()}}));
    TRY(const std::string attached, ask({{"Action", "AttachRolePolicy"},
                                         {"RoleName", name},
                                         {"PolicyArn", element(made, "Arn")}}));
  }
  TRY(const std::string assumed,
      client.call_query("sts", {{"Action", "AssumeRole"},
                                {"Version", "2011-06-15"},
                                {"RoleSessionName", "bench"},
                                {"RoleArn", "arn:aws:iam::" + account + ":role/" + name}}));
  return cli::Credentials{element(assumed, "AccessKeyId"),
                          Secret(element(assumed, "SecretAccessKey")),
                          element(assumed, "SessionToken"), ""};
}
// What the policies of a role cost each of its calls.
Result<Done> measure_policies(const Options& options, Report& report, cli::Client& client,
                              const Target& target) {
  const std::string body(kKiB, 'x'), hash = hex(sha256(body));
  for (const int count : {1, 8}) {
    TRY(const cli::Credentials credentials, session_with_policies(client, count));
    const Signer signer(credentials, client.endpoint(), "s3");
    add_load(
        report, fmt::format("PUT 1 KiB, {} {} of 20", count, count == 1 ? "policy" : "policies"),
        run_load(target, kConnections, options.seconds, [&](size_t n) {
          return Message{
              signer.head("PUT", "/bench/policies/" + std::to_string(n), {}, hash, body.size()),
              &body};
        }));
  }
  return Done{};
}
}  // namespace

Result<Done> measure_identity(const Options& options, Report& report, cli::Client& client,
                              const Target& target, const cli::Credentials& credentials) {
  measure_decisions(report);
  CHECK(measure_policies(options, report, client, target));
  const std::string account = client.endpoint().account_id;
  TRY(const std::string role,
      client.call_query("iam", {{"Action", "CreateRole"},
                                {"Version", "2010-05-08"},
                                {"RoleName", "bench-identity"},
                                {"AssumeRolePolicyDocument",
                                 R"({"Version":"2012-10-17","Statement":{"Effect":"Allow",)"
                                 R"("Principal":{"AWS":")" +
                                     account + R"("},"Action":"sts:AssumeRole"}})"}}));
  const Signer sts(credentials, client.endpoint(), "sts"),
      kms(credentials, client.endpoint(), "kms");
  const auto form_load = [&](const std::string& name, const std::string& body) {
    const std::string hash = hex(sha256(body));
    add_load(report, name, run_load(target, kConnections, options.seconds, [&](size_t) {
               return Message{
                   sts.head("POST", "/", {{"content-type", "application/x-www-form-urlencoded"}},
                            hash, body.size()),
                   &body};
             }));
  };
  form_load("GetCallerIdentity", "Action=GetCallerIdentity&Version=2011-06-15");
  form_load("AssumeRole", "Action=AssumeRole&Version=2011-06-15&RoleSessionName=bench&RoleArn=" +
                              percent_encode("arn:aws:iam::" + account + ":role/bench-identity"));
  TRY(const json::object made, client.call_json("kms", "TrentService.CreateKey", "1.1", {}));
  const std::string key = text_of(made.at("KeyMetadata").as_object(), "KeyId");
  TRY(const json::object sealed,
      client.call_json("kms", "TrentService.Encrypt", "1.1",
                       {{"KeyId", key}, {"Plaintext", base64(std::string(32, 'x'))}}));
  const auto kms_load = [&](const char* operation, const json::object& input) {
    const std::string body = json::serialize(input);
    add_load(report, operation, run_load(target, kConnections, options.seconds, [&](size_t) {
               return json_call(kms, operation, body);
             }));
  };
  kms_load("GenerateDataKey", {{"KeyId", key}, {"KeySpec", "AES_256"}});
  kms_load("Decrypt", {{"CiphertextBlob", text_of(sealed, "CiphertextBlob")}});
  return Done{};
}

}  // namespace sluice::bench
