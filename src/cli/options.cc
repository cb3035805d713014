// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "services/lambda/lambda.h"

namespace sluice::cli {

std::string default_data_dir() {
  if (const char* dir = std::getenv("SLUICE_DATA_DIR"); dir && *dir) return dir;
  if (const char* dir = std::getenv("XDG_DATA_HOME"); dir && *dir)
    return std::string(dir) + "/sluice";
  const char* home = std::getenv("HOME");
  return std::string(home && *home ? home : "/var/lib") +
         (home && *home ? "/.local/share/sluice" : "/sluice");
}

Result<Endpoint> read_endpoint(const Common& common) {
  const Error none{500,
                   "NoServer",
                   "no server runs on " + common.data_dir +
                       "; start one with: sluice serve --data-dir " + common.data_dir,
                   {}};
  std::ifstream file(common.data_dir + "/endpoint.json");
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return none;
  auto parsed = parse_json_object(text.str());
  if (!parsed) return none;
  Endpoint e;
  e.url = text_of(*parsed, "endpoint");
  e.http_url = text_of(*parsed, "http_endpoint");
  e.ca_file = text_of(*parsed, "ca_file");
  e.region = text_of(*parsed, "region");
  e.account_id = text_of(*parsed, "account_id");
  e.certificate_sha256 = text_of(*parsed, "certificate_sha256");
  e.certificate_ends = text_of(*parsed, "certificate_ends");
  e.why_no_functions = text_of(*parsed, "functions_cannot_start");
  e.pid = int_of(*parsed, "pid");
  if (e.pid <= 0 || (kill(static_cast<pid_t>(e.pid), 0) != 0 && errno == ESRCH)) return none;
  return e;
}

std::string functions_line(const Endpoint& endpoint) {
  return endpoint.why_no_functions.empty() ? "functions run in bubblewrap sandboxes"
                                           : "functions cannot start: " + endpoint.why_no_functions;
}
Result<Done> functions_can_start(const Endpoint& endpoint) {
  if (endpoint.why_no_functions.empty()) return Done{};
  const std::string now = lambda::why_functions_cannot_start();
  if (now.empty()) return Done{};
  return Error{500, "NoFunctions", "functions cannot start: " + now, {}};
}

int fail(const Error& error) {
  fmt::print(stderr, "sluice: {}\n", error.message.empty() ? error.code : error.message);
  return 1;
}

}  // namespace sluice::cli
