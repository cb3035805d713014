// SPDX-License-Identifier: Apache-2.0
#pragma once
// The pipeline's commands as functions: sluice deploy, put, demo. They speak AWS's APIs to the
// running server, as any client could.
#include <functional>
#include <map>
#include <optional>

#include "cli/client.h"

namespace sluice::cli {

struct DeployOptions {
  std::string stack = "sluice", template_file, function_zip;  // "" = what comes with the program
  std::vector<std::string> parameters;                        // "Key=Value"
  bool quiet = false;
};
using Outputs = std::map<std::string, std::string>;  // of a stack, by OutputKey
// Uploads the function's code, then creates or updates the stack and waits. Error: the first
// resource that failed, with its reason.
Result<Outputs> deploy(Client& client, const DeployOptions& options);
Result<Outputs> stack_outputs(Client& client, const std::string& stack);

// What to upload. A path is a file, a directory (every file below it, keyed by its path from there)
// or "-" (standard input, which needs `key`).
struct PutOptions {
  std::vector<std::string> paths;
  std::string bucket, prefix, key, stack = "sluice";  // bucket "": the stack's ingest bucket
  bool wait = false, quiet = false;
  int64_t timeout_s = 900;                              // of the wait, from the last upload on
  size_t jobs = 4;                                      // uploads at a time
  std::function<void(const struct PutResult&)> report;  // as soon as a file is uploaded (processed,
                                                        // with `wait`); never two at a time
};
struct PutResult {
  std::string file, key, version;
  uint64_t bytes = 0;
  bool uploaded = false, processed = false;
  int64_t read = 0, stored = 0, duplicate = 0, rejected = 0;
  std::string quarantine;
};
// What became of the files: those uploaded, in the order of the arguments, and what stopped the
// rest.
struct PutReport {
  std::vector<PutResult> files;
  std::optional<Error> trouble;
};
// Every path is checked before the first byte is sent. Error: nothing was uploaded.
Result<PutReport> put(const Common& common, const PutOptions& options);
// The files that `paths` name, with their keys. Error: one cannot be read, or two share a key.
Result<std::vector<PutResult>> files_to_put(const PutOptions& options);

void print_put_head();
void print_put_row(const PutResult& result);
PutResult total_of(const std::vector<PutResult>& results);  // file and key are "total"

// A file that comes with the program: beside it, in deploy/ or samples/ of the checkout, or under
// share/sluice of an installation.
std::string find_shipped(const std::string& name);

}  // namespace sluice::cli
