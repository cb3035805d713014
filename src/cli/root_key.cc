// SPDX-License-Identifier: Apache-2.0
// sluice root-key rotate.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/server.h"
#include "store/keyring.h"
#include "store/root_key.h"
#include "store/store.h"

namespace sluice::cli {
namespace {
struct RotateOptions {
  std::string from, to;
};

Result<Rotated> rotate(const Common& common, const RotateOptions& options) {
  if (access((common.data_dir + "/keyring.json").c_str(), F_OK) != 0)
    return Error{404, "NoDirectory", common.data_dir + " is no data directory of Sluice", {}};
  TRY(const int lock, lock_directory(common.data_dir));
  auto rotated = rotate_root_key(common.data_dir, options.from, options.to);
  close(lock);
  return rotated;
}
}  // namespace

void add_root_key(CLI::App& app, Common& common, int& exit_code) {
  auto options = std::make_shared<RotateOptions>();
  CLI::App* command = app.add_subcommand("root-key", "Change the root key of a stopped server");
  command->require_subcommand(1);
  CLI::App* change = command->add_subcommand(
      "rotate", "Seal the data directory under another root key; nothing else is rewritten");
  change->add_option("--root-key", options->from,
                     "the root key as it is (default: <data-dir>.root.key)");
  change->add_option("--new", options->to,
                     "the root key as it shall be: a file, which is made; passphrase:FILE; or a "
                     "PKCS#11 URI (default: the same file, with a new key)");
  change->callback([options, &common, &exit_code] {
    if (options->from.empty()) options->from = default_root_key(common.data_dir);
    if (options->to.empty()) options->to = options->from;
    const auto rotated = rotate(common, *options);
    if (!rotated) {
      fmt::print(stderr, "sluice: {}\n", rotated.error().message);
      exit_code = 1;
      return;
    }
    if (common.json) {
      fmt::print("{}\n", json::serialize(json::object{
                             {"root_key", shown_root_key(options->to)},
                             {"first_root_key_matters", rotated->first_root_key_matters}}));
      return;
    }
    fmt::print("The data directory {} opens with {} now, and with nothing else.\n", common.data_dir,
               options->to);
    if (options->to != options->from && is_root_key_file(options->from))
      fmt::print("The old root key {} is of no use any more; destroy it and its copies.\n",
                 options->from);
    else
      fmt::print("Keep a copy: without it nothing in the data directory can be read.\n");
  });
}

}  // namespace sluice::cli
