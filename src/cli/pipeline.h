#pragma once
// The pipeline's commands as functions: sluice deploy, put, demo. They speak AWS's APIs to the
// running server, as any client could.
#include <map>

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

struct PutOptions {
  std::vector<std::string> files;
  std::string bucket, prefix, stack = "sluice";  // bucket "": the stack's ingest bucket
  bool wait = false, quiet = false;
  int64_t timeout_s = 900;
};
struct PutResult {
  std::string file, key, version;
  uint64_t bytes = 0;
  bool processed = false;
  int64_t read = 0, stored = 0, duplicate = 0, rejected = 0;
  std::string quarantine;
};
Result<std::vector<PutResult>> put(Client& client, const PutOptions& options);
void print_results(const std::vector<PutResult>& results);  // a row a file and their sum

// A file that comes with the program: beside it, in deploy/ or samples/ of the checkout, or under
// share/sluice of an installation.
std::string find_shipped(const std::string& name);

}  // namespace sluice::cli
