#include "store/keyring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/bytes.h"
#include "base/json.h"
#include "base/random.h"
#include "crypto/crypto.h"

namespace sluice {
namespace {
constexpr std::string_view kWrapAad = "sluice-store-key-1";
Error failure(std::string text) { return {500, "StoreFailure", std::move(text), {}}; }

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return std::nullopt;
  return text.str();
}
bool write_file(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool ok =
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  close(fd);
  if (!ok || rename(fresh.c_str(), path.c_str()) != 0) return false;
  // The name is on disk too before anything is sealed under the key.
  const size_t slash = path.rfind('/');
  const int folder = open(slash == std::string::npos ? "." : path.substr(0, slash + 1).c_str(),
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool named = folder >= 0 && fsync(folder) == 0;
  if (folder >= 0) close(folder);
  return named;
}

Result<Secret> read_root(const std::string& file) {
  const auto text = read_file(file);
  if (!text)
    return failure("cannot read the root key " + file +
                   ": without it nothing in the data directory can be read; put the file back, or "
                   "name it with --root-key");
  struct stat facts{};
  if (stat(file.c_str(), &facts) == 0 && (facts.st_mode & 077))
    return failure("the root key " + file + " is open to other users; run: chmod 600 " + file);
  const auto bytes = unhex(text->substr(0, 64));
  if (!bytes || bytes->size() != 32)
    return failure("the root key " + file + " is not 64 hex digits");
  return Secret(*bytes);
}
}  // namespace

Result<Keyring> open_keyring(const std::string& data_dir, const std::string& root_key_file) {
  const std::string path = data_dir + "/keyring.json";
  const auto text = read_file(path);
  if (!text) {
    if (access(root_key_file.c_str(), F_OK) != 0 &&
        !write_file(root_key_file, hex(random_bytes(32)) + "\n"))
      return failure("cannot write the root key " + root_key_file +
                     ": name a writable place with --root-key");
    TRY(const Secret root, read_root(root_key_file));
    const Secret store(random_bytes(32));
    const std::string wrapped =
        aead_seal_random(hkdf_sha256(root, "store"), store.expose(), kWrapAad);
    if (!write_file(path, json::serialize(json::object{{"format", kFormatVersion},
                                                       {"store_key", base64(wrapped)}})))
      return failure("cannot write " + path);
    return Keyring{root, store};
  }
  auto parsed = parse_json_object(*text);
  if (!parsed) return failure(path + " is damaged: it is not JSON; restore it from a backup");
  const int64_t format = int_of(*parsed, "format");
  if (format > kFormatVersion)
    return failure("the data directory " + data_dir + " has format " + std::to_string(format) +
                   ", made by a newer Sluice; this one reads format " +
                   std::to_string(kFormatVersion) + ". Use the newer program.");
  TRY(const Secret root, read_root(root_key_file));
  const auto wrapped = unbase64(text_of(*parsed, "store_key"));
  const auto store =
      wrapped ? aead_open_random(hkdf_sha256(root, "store"), *wrapped, kWrapAad) : std::nullopt;
  if (!store)
    return failure("the root key " + root_key_file + " does not belong to the data directory " +
                   data_dir);
  return Keyring{root, Secret(*store)};
}

}  // namespace sluice
