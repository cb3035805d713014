// SPDX-License-Identifier: Apache-2.0
// Looks into the files of a stopped server as a thief would who has the root key as well.
//   leftovers DATA_DIR sealed KEY_ID -> the sealed versions of a KMS key's material, one a line
//   leftovers DATA_DIR find TEXT...  -> the files that hold any piece of a text, one a line
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>

#include "base/files.h"
#include "cli/server.h"
#include "services/kms/records.h"
#include "store/encryption.h"
#include "store/keyring.h"

namespace {
using namespace sluice;
namespace fs = std::filesystem;
// Compression may cut a text, but hardly one of random letters into shorter pieces than these.
constexpr size_t kPieceBytes = 16;

std::string content(rocksdb::Env& env, const std::string& path) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  std::string out, buffer(1 << 20, '\0');
  if (!env.NewSequentialFile(path, &file, {}).ok()) return out;
  for (rocksdb::Slice got; file->Read(buffer.size(), &got, buffer.data()).ok() && !got.empty();)
    out.append(got.data(), got.size());
  return out;
}
bool holds_a_piece(std::string_view content, std::string_view text) {
  for (size_t at = 0; at + kPieceBytes <= text.size(); ++at)
    if (content.find(text.substr(at, kPieceBytes)) != content.npos) return true;
  return false;
}
int print_sealed(const std::string& dir, const std::string& id) {
  StoreOptions options{dir, cli::default_root_key(dir), cli::recorded_scope(dir).value(), true};
  auto store = Store::open(options);
  if (!store) return std::fprintf(stderr, "%s\n", store.error().message.c_str()), 1;
  const auto key = (*store)->snapshot().get(kms::record_key(id));
  if (!key) return std::fprintf(stderr, "there is no key %s\n", id.c_str()), 1;
  for (const std::string& sealed : key->versions) std::puts(sealed.c_str());
  return 0;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string dir = argv[1], what = argv[2];
  if (what == "sealed") return print_sealed(dir, argv[3]);
  const auto keys = open_keyring(dir, cli::default_root_key(dir));
  if (!keys) return std::fprintf(stderr, "%s\n", keys.error().message.c_str()), 1;
  const auto env = encrypted_env(keys->store);
  std::set<std::string> found;
  for (const auto& file : fs::recursive_directory_iterator(dir)) {
    if (!file.is_regular_file()) continue;
    // Files of the database are decrypted; the same bytes may stand in any other.
    for (const std::string& bytes :
         {content(*env, file.path()), read_file(file.path()).value_or("")})
      for (int i = 3; i < argc; ++i)
        if (holds_a_piece(bytes, argv[i])) found.insert(fs::relative(file.path(), dir));
  }
  for (const std::string& file : found) std::puts(file.c_str());
  return 0;
}
