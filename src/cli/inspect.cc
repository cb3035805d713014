// SPDX-License-Identifier: Apache-2.0
// sluice verify, sluice aws.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/client.h"
#include "cli/evidence.h"
#include "cli/records.h"
#include "cli/server.h"
#include "request/session.h"
#include "services/dynamodb/dynamodb.h"
#include "services/iam/iam.h"
#include "services/kms/kms.h"
#include "services/lambda/lambda.h"
#include "services/s3/s3.h"

namespace sluice::cli {
namespace {
Result<std::unique_ptr<Store>> open_stopped(const Common& common, const std::string& root_key) {
  if (access((common.data_dir + "/keyring.json").c_str(), F_OK) != 0)
    return Error{404, "NoStore", "there is no data directory at " + common.data_dir, {}};
  StoreOptions options;
  options.data_dir = common.data_dir;
  options.root_key = root_key.empty() ? default_root_key(common.data_dir) : root_key;
  options.scope = recorded_scope(common.data_dir).value_or(kDefaultScope);
  options.read_only = true;
  return Store::open(options);
}
int verify(const Common& common, const std::string& root_key) {
  if (read_endpoint(common))
    return fail(
        {500, "InUse", "a server runs on " + common.data_dir + "; stop it, then verify", {}});
  auto store = open_stopped(common, root_key);
  if (!store) return fail(store.error());
  Verification found;
  for (auto& f : (*store)->verify()) found.damaged.push_back(std::move(f.what));
  const auto data_keys = kms::data_keys(**store);
  Ports ports;
  ports.store = store->get();
  ports.data_keys = data_keys.get();
  verify_records(**store, found);
  for (const auto verify_service :
       {iam::verify, kms::verify, s3::verify, dynamodb::verify, lambda::verify}) {
    try {
      verify_service(ports, found);
    } catch (const UnreadableRecord& problem) {  // verify_records has named it
      found.damaged.push_back(std::string("what follows it was not looked at: ") + problem.what());
    }
  }
  for (const std::string& id : (*store)->files())
    if (!found.files.contains(id))
      found.damaged.push_back("object file " + id + ": no record names it");
  if (common.json) {
    json::array list;
    for (const auto& what : found.damaged) list.emplace_back(what);
    fmt::print("{}\n",
               json::serialize(json::object{
                   {"findings", std::move(list)}, {"seals", found.seals}, {"shut", found.shut}}));
  } else {
    for (const auto& what : found.damaged) fmt::print("damaged: {}\n", what);
    if (found.shut)
      fmt::print("not opened, because their KMS key is disabled or gone: {}\n", found.shut);
    if (found.damaged.empty())
      fmt::print(
          "clean: the audit chain is whole, {} seals opened, every reference leads somewhere\n",
          found.seals);
  }
  return found.damaged.empty() ? 0 : 1;
}

constexpr int kExitNothingToCheck = 3;

std::string verdict(const TrailReport& report) {
  if (!report.digests)
    return fmt::format(
        "nothing to check yet: there is no digest; {} log files wait for the first, which comes an "
        "hour (or what --digest-interval says) after logging began{}",
        report.waiting, report.logging_since.empty() ? "" : ", " + report.logging_since);
  return fmt::format(
      "clean: {} digests, {} log files{}{}", report.digests, report.files,
      report.records ? fmt::format(", {} records as the audit chain has them", report.records) : "",
      report.waiting ? fmt::format("; {} newer log files wait for the next digest", report.waiting)
                     : "");
}

int print_report(const Common& common, const TrailReport& report) {
  if (common.json) {
    json::array findings, notes;
    for (const std::string& one : report.findings) findings.emplace_back(one);
    for (const std::string& one : report.notes) notes.emplace_back(one);
    fmt::print("{}\n", json::serialize(json::object{{"findings", std::move(findings)},
                                                    {"notes", std::move(notes)},
                                                    {"digests", report.digests},
                                                    {"log_files", report.files},
                                                    {"log_files_waiting", report.waiting},
                                                    {"records", report.records}}));
  } else {
    for (const std::string& one : report.findings) fmt::print("damaged: {}\n", one);
    for (const std::string& one : report.notes) fmt::print("note: {}\n", one);
    if (report.findings.empty()) fmt::print("{}\n", verdict(report));
  }
  return !report.findings.empty() ? 1 : report.digests ? 0 : kExitNothingToCheck;
}

// Of a running server over its API, of a stopped one from its directory: then its audit chain is
// compared too.
int verify_one_trail(const Common& common, const std::string& root_key, const std::string& arn) {
  if (read_endpoint(common)) {
    auto client = Client::connect(common);
    if (!client) return fail(client.error());
    auto report = verify_trail(*evidence_of(**client), arn);
    return report ? print_report(common, *report) : fail(report.error());
  }
  auto store = open_stopped(common, root_key);
  if (!store) return fail(store.error());
  const auto data_keys = kms::data_keys(**store);
  const auto sessions = make_sessions(**store);
  const auto identities = iam::identities();
  Ports ports;
  ports.store = store->get();
  ports.data_keys = data_keys.get();
  ports.sessions = sessions.get();
  ports.identities = identities.get();
  auto report = verify_trail(*evidence_of(ports), arn);
  return report ? print_report(common, *report) : fail(report.error());
}

int run_aws(const Common& common) {
  auto endpoint = read_endpoint(common);
  if (!endpoint) return fail(endpoint.error());
  auto credentials = operator_credentials(common, 3600);
  if (!credentials) return fail(credentials.error());
  setenv("AWS_ACCESS_KEY_ID", credentials->access_key_id.c_str(), 1);
  setenv("AWS_SECRET_ACCESS_KEY", std::string(credentials->secret_access_key.expose()).c_str(), 1);
  setenv("AWS_SESSION_TOKEN", credentials->session_token.c_str(), 1);
  if (!endpoint->ca_file.empty()) setenv("AWS_CA_BUNDLE", endpoint->ca_file.c_str(), 1);
  setenv("AWS_ENDPOINT_URL", endpoint->url.c_str(), 1);
  setenv("AWS_DEFAULT_REGION", endpoint->region.c_str(), 1);
  setenv("AWS_REGION", endpoint->region.c_str(), 1);
  unsetenv("AWS_PROFILE");
  // Debian's AWS CLI is older than AWS_ENDPOINT_URL.
  std::vector<std::string> all{"aws", "--endpoint-url", endpoint->url};
  all.insert(all.end(), common.aws_arguments.begin(), common.aws_arguments.end());
  std::vector<char*> argv;
  for (std::string& a : all) argv.push_back(a.data());
  argv.push_back(nullptr);
  execvp("aws", argv.data());
  return fail({500,
               "NoAwsCli",
               "cannot run the AWS CLI: install it, for example with: apt install awscli",
               {}});
}
}  // namespace

void add_inspect(CLI::App& app, Common& common, int& exit_code) {
  auto root_key = std::make_shared<std::string>();
  CLI::App* check =
      app.add_subcommand("verify",
                         "Check the audit chain, open every seal and follow every reference of a "
                         "stopped server's directory; exit 1 when damaged");
  check->add_option("--root-key", *root_key,
                    "the root key, as of sluice serve (default: <data-dir>.root.key)");
  auto trail = std::make_shared<std::string>();
  check->add_option(
      "--trail", *trail,
      "ARN of a trail: check its log files and digests instead, of a running server too; exit 3 "
      "when there is no digest yet");
  check->callback([root_key, trail, &common, &exit_code] {
    exit_code =
        trail->empty() ? verify(common, *root_key) : verify_one_trail(common, *root_key, *trail);
  });
  CLI::App* aws =
      app.add_subcommand("aws", "Run the installed AWS CLI with endpoint, CA and session set");
  aws->callback([&common, &exit_code] { exit_code = run_aws(common); });
}

}  // namespace sluice::cli
