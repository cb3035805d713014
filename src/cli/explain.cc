// SPDX-License-Identifier: Apache-2.0
// sluice explain.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/client.h"
#include "services/cloudtrail/explain.h"

namespace sluice::cli {

void add_explain(CLI::App& app, Common& common, int& exit_code) {
  auto id = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "explain", "Say which policy statements allowed or denied a call, whatever its age");
  command->add_option("id", *id, "the eventID of its audit record, or the request id of its answer")
      ->required()
      ->check([](const std::string& text) {
        const bool good = !text.empty() && text.size() <= 64 &&
                          text.find_first_not_of(
                              "0123456789abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == text.npos;
        return good ? std::string() : text + " is no id of an event or a request";
      });
  command->callback([id, &common, &exit_code] {
    const auto record = audit_record(common, *id);
    if (!record) {
      fmt::print(stderr, "sluice: {}\n", record.error().message);
      exit_code = 1;
      return;
    }
    if (common.json) {
      fmt::print("{}\n", json::serialize(*record));
      return;
    }
    for (const std::string& line : cloudtrail::explained(*record)) fmt::print("{}\n", line);
  });
}

}  // namespace sluice::cli
