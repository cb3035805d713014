// SPDX-License-Identifier: Apache-2.0
// The files of RocksDB's log, damaged: what is read is what was appended, up to some place, or the
// damage is told. What was synced, as a whole frame behind it says, never just ends.
#include "store/wal_files.h"

#include <fstream>
#include <optional>

#include "base/files.h"
#include "fuzz.h"

using namespace sluice;
namespace {
constexpr size_t kHeadBytes = 32;  // of a frame
const fuzz::Scratch kFolder;
const std::string kLog = kFolder.path() + "/000004.log";
const auto kFiles = with_wal_files(rocksdb::FileSystem::Default());

struct Log {
  std::string content;
  size_t synced = 0;       // bytes of the content, as the newest frame says
  size_t says_so = 0;      // where that frame begins
  std::string bytes = {};  // of the file
};
// What the bytes of `script` tell: a sync, or so many bytes to append.
Log write_log(std::string_view script) {
  Log log;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  MUST(kFiles->NewWritableFile(kLog, {}, &file, nullptr).ok());
  size_t frames = 0;
  for (const char one : script) {
    if (one & 1) {
      log.synced = log.content.size();
      log.says_so = log.content.size() + kHeadBytes * frames;
      MUST(file->Sync({}, nullptr).ok());
    } else {
      const std::string some(static_cast<uint8_t>(one) * size_t{7}, one);
      MUST(file->Append(some, {}, nullptr).ok());
      log.content += some;
    }
    ++frames;
  }
  log.bytes = *read_file(kLog);
  return log;
}
// nullopt: it is told that the log is damaged.
std::optional<std::string> read_log() {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  MUST(kFiles->NewSequentialFile(kLog, {}, &file, nullptr).ok());
  std::string out, scratch(1'000, '\0');
  for (rocksdb::Slice got;; out += got.ToStringView()) {
    const auto status = file->Read(scratch.size(), {}, &got, scratch.data(), nullptr);
    if (status.IsCorruption()) return std::nullopt;
    MUST(status.ok());
    if (got.empty()) return out;
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = fuzz::text(data, size);
  const size_t half = std::min<size_t>(text.size() / 2, 40);
  Log log = write_log(text.substr(0, half));
  MUST(read_log() == log.content);
  bool is_told = log.synced > 0;  // the frame that tells is whole
  for (size_t at = half; at + 3 <= text.size(); at += 3) {
    const size_t place =
        (static_cast<uint8_t>(text[at]) * size_t{256} + static_cast<uint8_t>(text[at + 1])) %
        log.bytes.size();
    log.bytes[place] = static_cast<char>(log.bytes[place] ^ text[at + 2]);
    is_told = is_told && (place < log.says_so || place >= log.says_so + kHeadBytes);
  }
  std::ofstream(kLog, std::ios::binary) << log.bytes;
  const auto found = read_log();
  // With other first letters and no frame that tells of a sync it is read as an older version's.
  if (found && (is_told || log.bytes.starts_with("SluiceWL"))) {
    MUST(log.content.starts_with(*found));
    MUST(!is_told || found->size() >= log.synced);
  }
  return 0;
}
