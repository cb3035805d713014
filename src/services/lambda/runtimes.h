// SPDX-License-Identifier: Apache-2.0
#pragma once
// The runtimes that functions can have: AWS's names (python3.12, nodejs20.x, provided.al2023), the
// interpreters of this machine behind them, and how a function of each is started
// (docs/decisions/0009-managed-runtimes.md).
//
//   TRY(const auto runtimes, lambda::find_runtimes({"python3.13=/opt/py/bin/python3.13"}, path));
//   TRY(const Runtime runtime, runtimes->get("python3.12"));
//   const Launch launch = launch_of(runtime, function);
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "services/lambda/records.h"

namespace sluice {

// Found when the server starts. Implemented in services/lambda/runtimes.cc.
class FunctionRuntimes {
 public:
  struct Runtime {
    std::string name;          // AWS's
    std::string interpreter;   // its path on this machine, without symbolic links; "": a custom one
    std::string version;       // what it says of itself: "3.11.2"
    std::string library;       // the folder of a Python's library, when that is not below /usr
    bool substituted = false;  // it is another version than the name says
    // "python3.12 by /usr/bin/python3.11 (3.11.2)"
    std::string described() const;
    // As AWS names a version: "python:3.12.v2".
    std::string aws_version() const;
  };
  virtual ~FunctionRuntimes() = default;
  virtual std::vector<Runtime> all() const = 0;  // without the custom ones
  // Errors: InvalidParameterValueException, which says what is there and what to do.
  virtual Result<Runtime> get(const std::string& name) const = 0;
};

namespace lambda {
using Runtime = FunctionRuntimes::Runtime;
constexpr int64_t kInterpreterAnswersMs = 5000;
constexpr size_t kInterpreterAnswerBytesMax = 8192;

// Whether AWS has a runtime of this name that Sluice can run. Errors:
// InvalidParameterValueException, in AWS's words.
Result<Done> check_runtime_name(const std::string& name);

// `named`: "NAME=/path/of/its/interpreter"; an error when one of them does not run. The others are
// looked for in the folders of `search_path`, which goes on while the server starts.
Result<std::unique_ptr<FunctionRuntimes>> find_runtimes(const std::vector<std::string>& named,
                                                        const std::string& search_path);

// How a function is started in its sandbox.
struct Launch {
  std::vector<std::string> command = {"/var/task/bootstrap"};
  std::vector<std::pair<std::string, std::string>> binds;  // read only: path here, path there
  std::vector<std::pair<std::string, std::string>> files;  // path there, text
  std::vector<std::string> variables;                      // besides those of every function
  // Above MemorySize, what a process may reserve without using it: the stacks of threads.
  int64_t reserved_mb = 0;
};
Launch launch_of(const Runtime& runtime, const Function& function);
}  // namespace lambda

}  // namespace sluice
