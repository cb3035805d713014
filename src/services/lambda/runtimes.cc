// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/runtimes.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "base/bytes.h"
#include "services/lambda/model.h"
#include "services/lambda/runtime_clients.h"
#include "services/lambda/sandbox.h"
#include "services/lambda/spawn.h"

namespace sluice {
std::string FunctionRuntimes::Runtime::described() const {
  return name + " by " + interpreter + " (" + version + ")";
}
std::string FunctionRuntimes::Runtime::aws_version() const {
  if (interpreter.empty()) return "provided:" + name.substr(name.find('.') + 1) + ".v1";
  const bool python = name.starts_with("python");
  const std::string number =
      python ? name.substr(6) : name.substr(6, name.size() - 8);  // nodejs20.x: 20
  return (python ? "python:" : "nodejs:") + number + ".v" + version.substr(version.rfind('.') + 1);
}
}  // namespace sluice

namespace sluice::lambda {
namespace {
constexpr const char* kCustom[] = {"provided.al2", "provided.al2023"};
constexpr int kPythonMinors[] = {8, 9, 10, 11, 12, 13, 14};
constexpr int kNodeMajors[] = {16, 18, 20, 22, 24};
// Where AWS has its interpreters, and where one is put that does not lie below /usr.
const std::string kLanguageFolder = "/var/lang";
// Each thread reserves 8 MiB for its stack and uses little of them: boto3 moves large objects with
// ten threads; Node.js has eight of its own, and a heap that it reserves ahead.
constexpr int64_t kPythonReservedMb = 128, kNodeReservedMb = 256;

bool is_python(std::string_view name) { return name.starts_with("python"); }
bool is_custom(const std::string& name) {
  return std::find(std::begin(kCustom), std::end(kCustom), name) != std::end(kCustom);
}
std::vector<std::string> managed_names() {
  std::vector<std::string> names;
  for (const int minor : kPythonMinors) names.push_back("python3." + std::to_string(minor));
  for (const int major : kNodeMajors) names.push_back("nodejs" + std::to_string(major) + ".x");
  return names;
}
bool is_managed(const std::string& name) {
  const auto names = managed_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}
// "3.11.2" of a Python: python3.11; "20.1.0" of a Node.js: nodejs20.x
std::string name_for(bool python, const std::string& version) {
  const size_t first = version.find('.');
  if (!python) return "nodejs" + version.substr(0, first) + ".x";
  return "python" + version.substr(0, version.find('.', first + 1));
}
bool is_below_usr(const std::string& path) { return path.starts_with("/usr/"); }

// What the program writes; "" when it fails or does not end in time. It is run by who runs
// functions, so that what he may not read is not there.
std::string output_of(const std::string& program, std::vector<std::string> arguments, uid_t user) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return "";
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  arguments.insert(arguments.begin(), program);
  const auto child = spawn(program.c_str(), std::move(arguments), {"PATH=/usr/bin:/bin"},
                           {{ends[1], 1}, {null, 2}}, user);
  close(ends[1]);
  close(null);
  std::string said;
  const int64_t until_us = monotonic_us() + kInterpreterAnswersMs * 1000;
  char piece[1024];
  for (ssize_t got = 1; child && got > 0 && said.size() < kInterpreterAnswerBytesMax;) {
    pollfd ready{ends[0], POLLIN, 0};
    const int64_t left_ms = (until_us - monotonic_us()) / 1000;
    if (left_ms <= 0 || poll(&ready, 1, static_cast<int>(left_ms)) <= 0) break;
    got = read(ends[0], piece, sizeof piece);
    if (got > 0) said.append(piece, static_cast<size_t>(got));
  }
  close(ends[0]);
  if (!child) return "";
  kill(*child, SIGKILL);  // it has said all that it is asked for
  waitpid(*child, nullptr, 0);
  return said;
}

// A script in its place (as pyenv's) is none: it finds its interpreter by what a sandbox has not.
bool is_binary(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char magic[4] = {};
  return access(path.c_str(), X_OK) == 0 && file.read(magic, 4) &&
         std::string_view(magic, 4) ==
             "\x7f"
             "ELF";
}

// A binary of Node.js says its version without starting its engine, which would take longer than
// the server does to start; a script in its place has to say which binary it runs.
std::string said_by_node(const std::string& program, uid_t user) {
  if (!is_binary(program))
    return output_of(program, {"-p", "process.versions.node + '\\n' + process.execPath"}, user);
  const std::string version = output_of(program, {"--version"}, user);
  return version.starts_with('v') ? version.substr(1) + program : "";
}

// The runtime that the program is, under the name that belongs to its version. Errors: what to do.
Result<Runtime> ask(const std::string& program, bool python, uid_t user) {
  const Error silent{400,
                     "NoInterpreter",
                     program + " does not run, or is no interpreter of " +
                         (python ? "Python" : "Node.js") + ", for the user who runs functions",
                     {}};
  const std::string said = python
                               ? output_of(program,
                                           {"-I", "-c",
                                            "import sys; print('%d.%d.%d' % sys.version_info[:3]); "
                                            "print(sys.executable); print(sys.base_prefix)"},
                                           user)
                               : said_by_node(program, user);
  const auto lines = split(said, '\n');
  if (lines.size() < (python ? 3 : 2)) return silent;
  Runtime runtime;
  runtime.version = lines[0];
  if (runtime.version.empty() ||
      runtime.version.find_first_not_of("0123456789.") != std::string::npos)
    return silent;
  runtime.name = name_for(python, runtime.version);
  std::error_code gone;
  runtime.interpreter = std::filesystem::canonical(std::string(lines[1]), gone).string();
  if (gone) return silent;
  if (!python || is_below_usr(runtime.interpreter)) return runtime;
  runtime.library = std::string(lines[2]) + "/lib";
  if (!std::filesystem::exists(runtime.library + "/" + runtime.name + "/os.py", gone))
    return Error{400,
                 "NoInterpreter",
                 runtime.interpreter + " has no library in " + runtime.library + "/" + runtime.name,
                 {}};
  return runtime;
}

std::vector<Runtime> found_on(const std::string& search_path, uid_t user) {
  std::vector<std::string> programs{"python3"};
  for (const int minor : kPythonMinors) programs.push_back("python3." + std::to_string(minor));
  programs.insert(programs.end(), {"node", "nodejs"});
  std::vector<Runtime> all;
  std::vector<std::string> seen;
  for (const auto folder : split(search_path, ':'))
    for (const std::string& program : programs) {
      std::error_code none;
      const std::string path =
          std::filesystem::canonical(std::string(folder) + "/" + program, none).string();
      if (none || !folder.starts_with('/') || !is_binary(path) ||
          std::find(seen.begin(), seen.end(), path) != seen.end())
        continue;
      seen.push_back(path);
      auto runtime = ask(path, is_python(program), user);
      const auto same = [&runtime](const Runtime& one) { return one.name == runtime->name; };
      if (runtime && is_managed(runtime->name) && std::none_of(all.begin(), all.end(), same))
        all.push_back(*std::move(runtime));
    }
  return all;
}

Result<Runtime> named_runtime(const std::string& option, uid_t user) {
  const size_t at = option.find('=');
  const std::string name = option.substr(0, at),
                    path = at == std::string::npos ? "" : option.substr(at + 1);
  if (!is_managed(name) || !path.starts_with('/'))
    return Error{400,
                 "InvalidRuntime",
                 "--runtime takes NAME=/path/of/its/interpreter, as "
                 "python3.13=/opt/py/bin/python3.13; not '" +
                     option.substr(0, 200) + "'",
                 {}};
  TRY(Runtime runtime, ask(path, is_python(name), user));
  runtime.substituted = runtime.name != name;
  runtime.name = name;
  return runtime;
}

class Found : public FunctionRuntimes {
 public:
  Found(std::vector<Runtime> named, const std::string& search_path)
      : looked_(std::async(std::launch::async, [named = std::move(named), search_path] {
          std::vector<Runtime> all = named;
          for (Runtime& one : found_on(search_path, sandbox_user()))
            if (std::none_of(named.begin(), named.end(),
                             [&one](const Runtime& other) { return other.name == one.name; }))
              all.push_back(std::move(one));
          return all;
        })) {}
  std::vector<Runtime> all() const override { return looked_.get(); }
  Result<Runtime> get(const std::string& name) const override {
    if (is_custom(name)) return Runtime{.name = name};
    std::string there;
    for (const Runtime& one : looked_.get()) {
      if (one.name == name) return one;
      there += (there.empty() ? "" : ", ") + one.described();
    }
    return invalid("This server has no interpreter for the runtime " + name.substr(0, 50) +
                   ". It has: " + (there.empty() ? "none" : there) + ". Install " +
                   (is_python(name) ? name.substr(0, 50) : "Node.js") +
                   " where the server's PATH leads and start the server again, or name another "
                   "interpreter for it: sluice serve --runtime " +
                   name.substr(0, 50) + "=/path/of/the/interpreter");
  }

 private:
  const std::shared_future<std::vector<Runtime>> looked_;
};

std::string path_in_sandbox(const Runtime& runtime) {
  if (is_below_usr(runtime.interpreter)) return runtime.interpreter;
  return kLanguageFolder + "/bin/" + std::filesystem::path(runtime.interpreter).filename().string();
}
}  // namespace

Result<Done> check_runtime_name(const std::string& name) {
  if (is_custom(name) || is_managed(name)) return Done{};
  std::string all;
  for (const std::string& one : managed_names()) all += one + ", ";
  return invalid("Value " + name.substr(0, 50) +
                 " at 'runtime' failed to satisfy constraint: Member must satisfy enum value "
                 "set: [" +
                 all + "provided.al2, provided.al2023] or be a valid ARN");
}

Result<std::unique_ptr<FunctionRuntimes>> find_runtimes(const std::vector<std::string>& named,
                                                        const std::string& search_path) {
  const uid_t user = named.empty() ? 0 : sandbox_user();
  std::vector<Runtime> runtimes;
  for (const std::string& option : named) {
    TRY(Runtime runtime, named_runtime(option, user));
    runtimes.push_back(std::move(runtime));
  }
  return std::unique_ptr<FunctionRuntimes>(
      std::make_unique<Found>(std::move(runtimes), search_path));
}

Launch launch_of(const Runtime& runtime, const Function& function) {
  Launch launch;
  if (runtime.interpreter.empty()) return launch;
  const std::string interpreter = path_in_sandbox(runtime);
  if (interpreter != runtime.interpreter)
    launch.binds.emplace_back(runtime.interpreter, interpreter);
  if (!runtime.library.empty())
    launch.binds.emplace_back(runtime.library, kLanguageFolder + "/lib");
  launch.variables = {
      "AWS_EXECUTION_ENV=AWS_Lambda_" + runtime.name,
      "PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
      "LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:"
      "/var/task/lib:/opt/lib",
      // The endpoint is all that a function reaches, and its CA all that it has to trust.
      "SSL_CERT_FILE=/etc/sluice/ca.pem"};
  if (is_python(runtime.name)) {
    launch.command = {interpreter, "/var/runtime/bootstrap.py"};
    launch.files = {{"/var/runtime/bootstrap.py", std::string(kPythonClient)}};
    launch.variables.push_back("PYTHONPATH=/var/runtime");
    launch.reserved_mb = kPythonReservedMb;
    return launch;
  }
  const std::string version = runtime.name.substr(6, runtime.name.size() - 8);
  launch.command = {interpreter, "--max-http-header-size=81920",
                    "--max-old-space-size=" + std::to_string(function.memory_mb * 9 / 10),
                    "--max-semi-space-size=" + std::to_string(function.memory_mb / 20),
                    "/var/runtime/index.mjs"};
  launch.files = {{"/var/runtime/index.mjs", std::string(kNodeClient)}};
  launch.variables.push_back("NODE_PATH=/opt/nodejs/node" + version +
                             "/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:"
                             "/var/runtime:/var/task");
  launch.variables.push_back("NODE_EXTRA_CA_CERTS=/etc/sluice/ca.pem");
  launch.reserved_mb = kNodeReservedMb;
  return launch;
}

}  // namespace sluice::lambda
