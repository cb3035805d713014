// SPDX-License-Identifier: Apache-2.0
// Which files `sluice put` uploads, and under which keys.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "cli/pipeline.h"

namespace sluice::cli {
namespace {
namespace fs = std::filesystem;
constexpr size_t kKeyBytesMax = 1024;  // S3 "Object key naming"

Error wrong(std::string text) { return {400, "PutFailure", std::move(text), {}}; }

// Standard input as a file without a name, because an upload is signed before it is sent.
Result<PutResult> standard_input(const PutOptions& options) {
  if (options.key.empty()) return wrong("standard input (-) needs a name for its object: --key");
  const fs::path folder = fs::temp_directory_path();
  const int file = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) return wrong("cannot keep standard input in " + folder.string());
  uint64_t bytes = 0;
  std::string piece(1 << 18, '\0');
  for (ssize_t got; (got = read(STDIN_FILENO, piece.data(), piece.size())) != 0;) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return wrong("cannot read standard input");
    for (ssize_t done = 0; done < got;) {
      const ssize_t n = write(file, piece.data() + done, static_cast<size_t>(got - done));
      if (n <= 0) return wrong("standard input does not fit into " + folder.string());
      done += n;
    }
    bytes += static_cast<uint64_t>(got);
  }
  return PutResult{"/proc/self/fd/" + std::to_string(file), options.prefix + options.key, "",
                   bytes};
}

Result<PutResult> one_file(const fs::path& path, const std::string& key) {
  std::error_code problem;
  const uint64_t bytes = fs::file_size(path, problem);
  if (problem || access(path.c_str(), R_OK) != 0) return wrong("cannot read " + path.string());
  return PutResult{path.string(), key, "", bytes};
}

Result<Done> add_directory(const fs::path& folder, const PutOptions& options,
                           std::vector<PutResult>& files) {
  std::error_code problem;
  std::vector<fs::path> found;
  for (fs::recursive_directory_iterator at(folder, problem), end; !problem && at != end;
       at.increment(problem))
    if (at->is_regular_file(problem)) found.push_back(at->path());
  if (problem) return wrong("cannot read " + folder.string() + ": " + problem.message());
  std::sort(found.begin(), found.end());
  for (const fs::path& path : found) {
    TRY(PutResult file, one_file(path, options.prefix + path.lexically_relative(folder).string()));
    files.push_back(std::move(file));
  }
  return Done{};
}

Result<Done> check_keys(const std::vector<PutResult>& files) {
  std::map<std::string, std::string> owners;  // key -> file
  for (const PutResult& file : files) {
    if (file.key.size() > kKeyBytesMax)
      return wrong("the key of " + file.file + " is longer than 1024 bytes");
    const auto [owner, is_new] = owners.emplace(file.key, file.file);
    if (!is_new)
      return wrong(owner->second + " and " + file.file + " would both become " + file.key +
                   "; put them one after the other with different --prefix, or name their folder");
  }
  return Done{};
}
}  // namespace

Result<std::vector<PutResult>> files_to_put(const PutOptions& options) {
  if (!options.key.empty() && options.paths.size() != 1)
    return wrong("--key names one object: give one file with it");
  std::vector<PutResult> files;
  for (const std::string& path : options.paths) {
    std::error_code ignored;
    if (path == "-") {
      if (options.paths.size() != 1) return wrong("standard input (-) goes alone");
      TRY(PutResult file, standard_input(options));
      files.push_back(std::move(file));
    } else if (fs::is_directory(path, ignored)) {
      if (!options.key.empty())
        return wrong("--key names one object, and " + path + " is a folder");
      CHECK(add_directory(path, options, files));
    } else {
      const std::string name = fs::path(path).filename().string();
      TRY(PutResult file,
          one_file(path, options.prefix + (options.key.empty() ? name : options.key)));
      files.push_back(std::move(file));
    }
  }
  if (files.empty()) return wrong("there is no file in the folders named");
  CHECK(check_keys(files));
  return files;
}

}  // namespace sluice::cli
