// SPDX-License-Identifier: Apache-2.0
#pragma once
// What all commands of `sluice` share: their options, the running server's endpoint, and how they
// tell an error.
//
//   const auto endpoint = read_endpoint(common);
//   if (!endpoint) return fail(endpoint.error());
//   std::cout << endpoint->url << "\n";
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/json.h"

namespace CLI {
class App;
}

namespace sluice::cli {

struct Common {
  std::string data_dir;
  bool json = false;
  std::vector<std::string> aws_arguments;
};
// $SLUICE_DATA_DIR, else $XDG_DATA_HOME/sluice, else ~/.local/share/sluice.
std::string default_data_dir();

// The file endpoint.json in the data directory of a running server.
struct Endpoint {
  std::string url, http_url, ca_file, region, account_id;
  std::string device_url;          // with the first --name, for clients on other machines
  std::string certificate_sha256;  // of the certificate that this server shows, in hex
  std::string certificate_ends;
  std::string why_no_functions;  // why functions cannot start; "" when they can
  int64_t pid = 0;
};
// When no server runs, the error says how to start one.
Result<Endpoint> read_endpoint(const Common& common);
// "functions run in bubblewrap sandboxes", or "functions cannot start: ..." and what to do about
// it.
std::string functions_line(const Endpoint& endpoint);
// For commands that wait for a function. When the server could not start any, it is tried again.
Result<Done> functions_can_start(const Endpoint& endpoint);

// Each adds its subcommand to `app`. When the subcommand has run, `exit_code` is set. Errors go to
// stderr in one line, and the exit code is 1.
void add_serve(CLI::App& app, Common& common, int& exit_code);
void add_credentials(CLI::App& app, Common& common, int& exit_code);
void add_oidc(CLI::App& app, Common& common, int& exit_code);
void add_device(CLI::App& app, Common& common, int& exit_code);
void add_deploy(CLI::App& app, Common& common, int& exit_code);
void add_put(CLI::App& app, Common& common, int& exit_code);
void add_inspect(CLI::App& app, Common& common, int& exit_code);  // verify, aws
void add_explain(CLI::App& app, Common& common, int& exit_code);
void add_root_key(CLI::App& app, Common& common, int& exit_code);
void add_status(CLI::App& app, Common& common, int& exit_code);
void add_demo(CLI::App& app, Common& common, int& exit_code);

// Prints the error and returns 1.
int fail(const Error& error);

}  // namespace sluice::cli
