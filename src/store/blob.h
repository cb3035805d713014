// SPDX-License-Identifier: Apache-2.0
#pragma once
// Object bytes that are too large for a record. Each body is one file, sealed in chunks with
// AES-256-GCM; docs/on-disk.md has the layout. From the second MiB on it is written past the page
// cache, where the file system can.
//
//   std::unique_ptr<BlobWriter> writer = blobs.write(data_key);
//   CHECK(writer->write(bytes));
//   TRY(const BlobRef blob, writer->finish());
//   staged.adopt(blob);   // without this the file is unlinked with the last copy of `blob`
#include <set>

#include "base/thread_safety.h"
#include "store/disk_space.h"
#include "store/released_files.h"
#include "store/store.h"

namespace sluice {

// Unlinks a finished file, unless a commit names it.
struct UncommittedFile {
  std::string path;
  // A commit names it, or a failed commit may: only a restart shows what came of that one.
  bool may_be_named = false;
  explicit UncommittedFile(std::string p) : path(std::move(p)) {}
  ~UncommittedFile();
};

// The files under <data_dir>/blobs.
class Blobs {
 public:
  // `free` is called with the ids of files that nobody reads any more (ReleasedFiles).
  Blobs(std::string dir, DiskSpace& disk, const Clock& clock, ReleasedFiles::Free free);
  std::unique_ptr<BlobWriter> write(const Secret& data_key);
  Result<std::unique_ptr<BlobReader>> read(const BlobRef& blob, const Secret& data_key);
  void unlink(const std::string& id);
  ReleasedFiles& released() { return released_; }
  DiskSpace& disk() { return disk_; }
  std::string path(const std::string& id) const;
  // Makes the folder of a file. True: the folder's own name is on disk.
  bool make_folder_of(const std::string& path);
  // The ids of all files in the directory.
  std::vector<std::string> ids() const;

 private:
  const std::string dir_;
  DiskSpace& disk_;
  ReleasedFiles released_;
  Mutex mutex_;
  std::set<std::string> synced_folders_ SLUICE_GUARDED_BY(mutex_);
};

}  // namespace sluice
