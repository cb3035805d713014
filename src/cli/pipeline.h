// SPDX-License-Identifier: Apache-2.0
#pragma once
// The commands of the pipeline as functions: sluice deploy, put and demo. They call AWS's APIs of
// the running server, as any client could.
//
//   TRY(const Outputs outputs, deploy(*client, {.stack = "sluice"}));
//   TRY(const PutReport report, put(common, {.paths = {"readings.json"}, .wait = true}));
//   for (const PutResult& file : report.files) print_put_row(file);
#include <functional>
#include <map>
#include <optional>

#include "cli/client.h"

namespace sluice::cli {

struct DeployOptions {
  // template_file and function_zip: "" takes those that come with the program.
  std::string stack = "sluice", template_file, function_zip;
  std::vector<std::string> parameters;  // "Key=Value"
  bool quiet = false;
};
// The outputs of a stack, by their OutputKey.
using Outputs = std::map<std::string, std::string>;
// Uploads the code of the function, creates or updates the stack, and waits for it. The error names
// the first resource that failed, and why.
Result<Outputs> deploy(Client& client, const DeployOptions& options);
Result<Outputs> stack_outputs(Client& client, const std::string& stack);

// What to upload. A path is a file, a directory (every file below it, keyed by its path from there)
// or "-" (standard input, which needs `key`).
struct PutOptions {
  std::vector<std::string> paths;
  // bucket "" is the stack's ingest bucket.
  std::string bucket, prefix, key, stack = "sluice";
  bool wait = false, quiet = false;
  int64_t timeout_s = 900;  // how long to wait after the last upload
  size_t jobs = 4;          // how many uploads run at once
  // Called when a file is uploaded or, with `wait`, processed; never by two threads at once.
  std::function<void(const struct PutResult&)> report;
};
struct PutResult {
  std::string file, key, version;
  uint64_t bytes = 0;
  bool uploaded = false, processed = false;
  int64_t read = 0, stored = 0, duplicate = 0, rejected = 0;
  std::string quarantine;
};
// The files that were uploaded, in the order of the arguments, and the error that stopped the
// others.
struct PutReport {
  std::vector<PutResult> files;
  std::optional<Error> trouble;
};
// Checks every path before the first byte is sent. When this fails, nothing was uploaded.
Result<PutReport> put(const Common& common, const PutOptions& options);
// The files that `paths` name, with their keys. It fails when one cannot be read, or when two have
// the same key.
Result<std::vector<PutResult>> files_to_put(const PutOptions& options);

void print_put_head();
void print_put_row(const PutResult& result);
// The sums. Their `file` and `key` are "total".
PutResult total_of(const std::vector<PutResult>& results);

// The path of a file that comes with the program. It lies beside the program, in deploy/ or
// samples/ of the checkout, or in share/sluice of an installation.
std::string find_shipped(const std::string& name);

}  // namespace sluice::cli
