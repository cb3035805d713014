// sluice verify, sluice aws.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/client.h"
#include "cli/server.h"

namespace sluice::cli {
namespace {
int verify(const Common& common, const std::string& root_key) {
  if (read_endpoint(common)) return fail({500, "InUse", "a server runs on " + common.data_dir + "; stop it, then verify", {}});
  StoreOptions options;
  options.data_dir = common.data_dir;
  options.root_key_file = root_key.empty() ? default_root_key(common.data_dir) : root_key;
  options.read_only = true;
  if (access((common.data_dir + "/keyring.json").c_str(), F_OK) != 0) return fail({404, "NoStore", "there is no data directory at " + common.data_dir, {}});
  auto store = Store::open(options);
  if (!store) return fail(store.error());
  const auto findings = (*store)->verify();
  if (common.json) {
    json::array list;
    for (const auto& f : findings) list.emplace_back(f.what);
    fmt::print("{}\n", json::serialize(json::object{{"findings", std::move(list)}}));
  } else {
    for (const auto& f : findings) fmt::print("damaged: {}\n", f.what);
    if (findings.empty()) fmt::print("clean: the audit chain is whole and every object file is in its place\n");
  }
  return findings.empty() ? 0 : 1;
}

int run_aws(const Common& common) {
  auto endpoint = read_endpoint(common);
  if (!endpoint) return fail(endpoint.error());
  auto credentials = operator_credentials(common, 3600);
  if (!credentials) return fail(credentials.error());
  setenv("AWS_ACCESS_KEY_ID", credentials->access_key_id.c_str(), 1);
  setenv("AWS_SECRET_ACCESS_KEY", std::string(credentials->secret_access_key.expose()).c_str(), 1);
  setenv("AWS_SESSION_TOKEN", credentials->session_token.c_str(), 1);
  setenv("AWS_CA_BUNDLE", endpoint->ca_file.c_str(), 1);
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
  return fail({500, "NoAwsCli", "cannot run the AWS CLI: install it, for example with: apt install awscli", {}});
}
}  // namespace

void add_inspect(CLI::App& app, Common& common, int& exit_code) {
  auto root_key = std::make_shared<std::string>();
  CLI::App* check = app.add_subcommand("verify", "Check the audit chain and every object file of a stopped server; exit 1 when damaged");
  check->add_option("--root-key", *root_key, "file of the root key (default: <data-dir>.root.key)");
  check->callback([root_key, &common, &exit_code] { exit_code = verify(common, *root_key); });
  CLI::App* aws = app.add_subcommand("aws", "Run the installed AWS CLI with endpoint, CA and session set");
  aws->callback([&common, &exit_code] { exit_code = run_aws(common); });
}

}  // namespace sluice::cli
