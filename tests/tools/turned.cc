// SPDX-License-Identifier: Apache-2.0
// The server with a clock that its test turns: everything but the clock of its background work is
// as `sluice serve` has it.
//   turned DATA_DIR
// Each line of standard input is a number of milliseconds by which the clock goes on; the answer is
// its time, which is also said when the server is ready. It ends with the input.
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <iostream>

#include "base/bytes.h"
#include "cli/server.h"

int main(int argc, char** argv) {
  using namespace sluice;
  if (argc != 2) return 2;
  signal(SIGPIPE, SIG_IGN);
  spdlog::set_default_logger(spdlog::stderr_color_mt("sluice"));
  std::atomic<Time> time = now();
  cli::ServeOptions options;
  options.data_dir = argv[1];
  options.listen = "127.0.0.1:0";
  options.clock = Clock([&time] { return time.load(); });
  auto server = cli::RunningServer::start(options);
  if (!server) {
    std::cerr << server.error().message << "\n";
    return 1;
  }
  std::cout << time << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    time += parse_int(line).value_or(0);
    (*server)->clock_turned();
    std::cout << time << std::endl;
  }
  return 0;
}
