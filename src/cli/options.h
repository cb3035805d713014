// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every command of `sluice` shares.
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

// D/endpoint.json of a running server. Error: says how to start one.
struct Endpoint {
  std::string url, http_url, ca_file, region, account_id;
  std::string device_url;          // by the first --name: for who is elsewhere
  std::string certificate_sha256;  // hex: the one certificate that this server shows
  std::string certificate_ends;
  std::string why_no_functions;  // functions cannot start: why; "" they can
  int64_t pid = 0;
};
Result<Endpoint> read_endpoint(const Common& common);
// "functions run in bubblewrap sandboxes", or "functions cannot start: ..." with what to do.
std::string functions_line(const Endpoint& endpoint);
// For commands that wait for a function: looks again when the server could not start any.
Result<Done> functions_can_start(const Endpoint& endpoint);

// Each adds its subcommand; `exit_code` is set when it ran. Errors go to stderr in one line,
// exit 1.
void add_serve(CLI::App& app, Common& common, int& exit_code);
void add_credentials(CLI::App& app, Common& common, int& exit_code);
void add_deploy(CLI::App& app, Common& common, int& exit_code);
void add_put(CLI::App& app, Common& common, int& exit_code);
void add_inspect(CLI::App& app, Common& common, int& exit_code);  // verify, aws
void add_status(CLI::App& app, Common& common, int& exit_code);
void add_demo(CLI::App& app, Common& common, int& exit_code);

int fail(const Error& error);  // prints, returns 1

}  // namespace sluice::cli
