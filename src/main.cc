// sluice: one program for the server and its command line.
#include <CLI/CLI.hpp>

#include "cli/options.h"

int main(int argc, char** argv) {
  using namespace sluice::cli;
  Common common{default_data_dir(), false, {}};
  // What follows `aws` is the AWS CLI's own.
  int own = argc;
  for (int i = 1; i < argc && own == argc; ++i)
    if (std::string_view(argv[i]) == "aws") own = i + 1;
  common.aws_arguments.assign(argv + own, argv + argc);
  int exit_code = 0;
  CLI::App app{"Sluice: a secure, event-driven data-ingestion pipeline that speaks AWS's protocols",
               "sluice"};
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--data-dir", common.data_dir, "where everything is kept")
      ->envname("SLUICE_DATA_DIR")
      ->capture_default_str();
  app.add_flag("--json", common.json, "print JSON");
  add_serve(app, common, exit_code);
  add_credentials(app, common, exit_code);
  add_deploy(app, common, exit_code);
  add_put(app, common, exit_code);
  add_inspect(app, common, exit_code);
  add_status(app, common, exit_code);
  add_demo(app, common, exit_code);
  try {
    app.parse(own, argv);
  } catch (const CLI::ParseError& wrong) {
    const int code = app.exit(wrong);
    return code == 0 ? 0 : 2;
  }
  return exit_code;
}
