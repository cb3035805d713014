// SPDX-License-Identifier: Apache-2.0
// sluice: one program for the server and its command line.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <system_error>

#include "cli/options.h"
#include "crypto/guard_memory.h"

namespace {
// Levenshtein's distance: how many letters to add, drop or change to make one word of the other.
size_t edits_between(std::string_view from, std::string_view to) {
  std::vector<size_t> row(to.size() + 1);  // edits from a prefix of `from` to each prefix of `to`
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < from.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < to.size(); ++j) {
      const size_t changed = diagonal + (from[i] != to[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

// The command that a mistyped one most likely means: the one with the fewest edits between them.
std::string nearest_command(const CLI::App& app, std::string_view typed) {
  constexpr size_t kEditsMax = 2;
  size_t fewest = kEditsMax + 1;
  std::string nearest;
  for (const CLI::App* command : app.get_subcommands({})) {
    const size_t edits = edits_between(typed, command->get_name());
    if (edits < fewest) {
      fewest = edits;
      nearest = command->get_name();
    }
  }
  return nearest;
}

// The word that stands where the command should: the first that is no option nor an option's value.
std::string_view typed_command(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--data-dir")
      ++i;
    else if (!word.starts_with('-'))
      return word;
  }
  return {};
}

// Wrong usage ends with status 2; --help and --version with 0.
int explain(const CLI::App& app, const CLI::ParseError& wrong, std::string_view typed) {
  if (app.get_subcommands().empty() && !typed.empty() && wrong.get_exit_code() != 0) {
    const std::string nearest = nearest_command(app, typed);
    fmt::print(stderr, "sluice: there is no command '{}'{}\n", typed,
               nearest.empty() ? "; see: sluice --help"
                               : "; did you mean: sluice " + nearest + " (all: sluice --help)");
    return 2;
  }
  return app.exit(wrong) == 0 ? 0 : 2;
}

// Output that could not be written (a full disk, a closed pipe) is a failure of any command.
int flushed(int exit_code) {
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return exit_code;
  std::fputs("sluice: the output could not be written; is the disk full?\n", stderr);
  return exit_code == 0 ? 1 : exit_code;
}
}  // namespace

int main(int argc, char** argv) {
  using namespace sluice::cli;
  sluice::guard_memory();
  Common common{default_data_dir(), false, {}};
  // What follows `aws` is the AWS CLI's own.
  int own = argc;
  for (int i = 1; i < argc && own == argc; ++i)
    if (std::string_view(argv[i]) == "aws") own = i + 1;
  common.aws_arguments.assign(argv + own, argv + argc);
  int exit_code = 0;
  CLI::App app{"Sluice: a secure, event-driven data-ingestion pipeline that speaks AWS's protocols",
               "sluice"};
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--data-dir", common.data_dir, "where everything is kept")
      ->envname("SLUICE_DATA_DIR")
      ->capture_default_str();
  app.add_flag("--json", common.json, "print JSON");
  // Others find it from wherever they are run.
  app.parse_complete_callback([&common] {
    std::error_code ignored;
    common.data_dir = std::filesystem::absolute(common.data_dir, ignored).lexically_normal();
  });
  add_serve(app, common, exit_code);
  add_credentials(app, common, exit_code);
  add_oidc(app, common, exit_code);
  add_device(app, common, exit_code);
  add_deploy(app, common, exit_code);
  add_put(app, common, exit_code);
  add_inspect(app, common, exit_code);
  add_explain(app, common, exit_code);
  add_root_key(app, common, exit_code);
  add_status(app, common, exit_code);
  add_demo(app, common, exit_code);
  try {
    app.parse(own, argv);
  } catch (const CLI::ParseError& wrong) {
    return flushed(explain(app, wrong, typed_command(own, argv)));
  } catch (const std::system_error& unwritable) {  // fmt throws what it cannot print
    std::fprintf(stderr, "sluice: the output could not be written: %s\n", unwritable.what());
    return 1;
  } catch (const std::exception& broken) {  // a table of the store that is damaged, for one
    std::fprintf(stderr, "sluice: %s\n", broken.what());
    return 1;
  }
  return flushed(exit_code);
}
