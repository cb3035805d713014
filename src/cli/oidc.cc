// SPDX-License-Identifier: Apache-2.0
// sluice oidc keys.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <iterator>

#include "base/json.h"
#include "cli/client.h"

namespace sluice::cli {
namespace {
constexpr size_t kJwksBytesMax = 64 * 1024;

// "-" is the standard input.
Result<std::string> read_jwks(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path);
  std::istream& in = path == "-" ? std::cin : file;
  std::string text(kJwksBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.empty()) return Error{400, "NoKeys", "cannot read " + path, {}};
  if (text.size() > kJwksBytesMax)
    return Error{400, "TooLarge", path + " has more than 65536 bytes", {}};
  return text;
}

int register_keys(const Common& common, const std::string& issuer, const std::string& path) {
  const auto text = read_jwks(path);
  if (!text) return fail(text.error());
  const auto jwks = parse_json_strict(*text);
  if (!jwks) return fail({400, "NoJson", path + " is no JSON document", {}});
  const auto keys = register_oidc_keys(common, issuer, *jwks);
  if (!keys) return fail(keys.error());
  if (common.json)
    fmt::print("{}\n", json::serialize(json::object{{"issuer", issuer}, {"keys", *keys}}));
  else
    fmt::print("{} keys of {} are registered\n", *keys, issuer);
  return 0;
}
}  // namespace

void add_oidc(CLI::App& app, Common& common, int& exit_code) {
  struct Asked {
    std::string issuer, jwks;
  };
  auto asked = std::make_shared<Asked>();
  CLI::App* oidc = app.add_subcommand("oidc", "Identity providers whose tokens give sessions");
  oidc->require_subcommand(1);
  CLI::App* keys = oidc->add_subcommand(
      "keys", "Register the keys of an identity provider, in place of those it had");
  keys->add_option("issuer", asked->issuer, "its URL, as the claim iss has it: https://...")
      ->required();
  keys->add_option("--jwks", asked->jwks,
                   "file with its JSON Web Key Set; - is the standard input, as in: "
                   "curl -fsS URL | sluice oidc keys ISSUER --jwks -")
      ->required();
  keys->callback([asked, &common, &exit_code] {
    exit_code = register_keys(common, asked->issuer, asked->jwks);
  });
}

}  // namespace sluice::cli
