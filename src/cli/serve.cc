// SPDX-License-Identifier: Apache-2.0
// sluice serve.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "cli/server.h"

namespace sluice::cli {
namespace {
// EX_TEMPFAIL of sysexits.h: a supervisor that starts the server again does right.
constexpr int kExitRestart = 75;

int run_server(const ServeOptions& options, bool as_json) {
  StopSignals stops;
  spdlog::set_default_logger(
      spdlog::stderr_color_mt("sluice"));  // stdout is for the one line that says where it serves
  auto server = RunningServer::start(options);
  if (!server) return fail(server.error());
  const Endpoint& e = (*server)->endpoint();
  if (as_json)
    fmt::print("{}\n", json::serialize(json::object{
                           {"endpoint", e.url}, {"ca_file", e.ca_file}, {"pid", e.pid}}));
  else
    fmt::print("Sluice serves {} ({}{}; {})\n", e.device_url,
               e.ca_file.empty() ? "a certificate of your own" : "CA " + e.ca_file,
               e.http_url.empty() ? "" : "; plain HTTP " + e.http_url, functions_line(e));
  std::fflush(stdout);
  stops.wait();
  return (*server)->failed() ? kExitRestart : 0;
}

}  // namespace

void add_serve(CLI::App& app, Common& common, int& exit_code) {
  auto options = std::make_shared<ServeOptions>();
  CLI::App* serve = app.add_subcommand("serve",
                                       "Serve until SIGTERM or SIGINT; exits with 75 when its disk "
                                       "failed and it is to be started again");
  serve->add_option("--listen", options->listen, "HOST:PORT for TLS; port 0 picks a free one")
      ->capture_default_str();
  serve->add_option(
      "--listen-http", options->listen_http,
      "HOST:PORT for plain HTTP, loopback only, so that a policy can be seen to refuse it");
  serve->add_option("--region", options->region,
                    "the Region of every ARN (default: the directory's; us-east-1 for a new one)");
  serve->add_option("--account-id", options->account_id,
                    "12 digits (default: the directory's; 000000000000 for a new one)");
  serve->add_option("--root-key", options->root_key,
                    "the root key: a file, made when the data directory is new; passphrase:FILE; "
                    "or a PKCS#11 URI, "
                    "pkcs11:token=T;object=K?pin-source=FILE (default: <data-dir>.root.key)");
  auto* certificate = serve->add_option("--certificate", options->certificate,
                                        "PEM chain to serve instead of the local CA's");
  auto* key = serve->add_option("--key", options->key, "PEM key of --certificate");
  serve
      ->add_option("--trail-interval", options->trail_interval_s,
                   "seconds from an event to its log file, 1 to 300")
      ->check(CLI::Range(1, 300))
      ->capture_default_str();
  serve
      ->add_option("--digest-interval", options->digest_interval_s,
                   "seconds from digest to digest, 1 to 3600")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  serve
      ->add_option("--audit-reads", options->audit_reads,
                   "when the audit record of an allowed read is on the disk: 'soon', within 20 ms "
                   "of the answer, or 'synced', before it")
      ->check(CLI::IsMember({"soon", "synced"}))
      ->capture_default_str();
  certificate->needs(key);
  key->needs(certificate);
  serve->add_option("--name", options->names,
                    "a DNS name or address by which devices reach this server, for its "
                    "certificate; may be given several times, the first is shown");
  serve->add_option("--runtime", options->runtimes,
                    "NAME=/path of the interpreter of a runtime of functions, as "
                    "python3.13=/opt/py/bin/python3.13; may be given several times, and may name "
                    "another version's interpreter");
  auto* user =
      serve->add_option("--user", options->users,
                        "UID=ROLE: another user of this machine, who gets sessions of this role "
                        "with sluice credentials --socket; may be given several times");
  serve
      ->add_option("--user-socket", options->user_socket,
                   "the socket at which they ask (default: <data-dir>.users.sock)")
      ->needs(user);
  serve->callback([options, &common, &exit_code] {
    options->data_dir = common.data_dir;
    exit_code = run_server(*options, common.json);
  });
}

}  // namespace sluice::cli
