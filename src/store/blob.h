// SPDX-License-Identifier: Apache-2.0
#pragma once
// Object bytes larger than fit in a record: one file each, sealed in AES-256-GCM chunks.
// docs/on-disk.md
#include "store/disk_space.h"
#include "store/released_files.h"
#include "store/store.h"

namespace sluice {

// Unlinks a finished file that no commit named.
struct UncommittedFile {
  std::string path;
  bool may_be_named = false;  // by a commit, or by one whose outcome a restart will show
  explicit UncommittedFile(std::string p) : path(std::move(p)) {}
  ~UncommittedFile();
};

// The files under <data_dir>/blobs.
class Blobs {
 public:
  // `free`: takes the ids of files that nobody reads any more (ReleasedFiles).
  Blobs(std::string dir, DiskSpace& disk, ReleasedFiles::Free free);
  std::unique_ptr<BlobWriter> write(const Secret& data_key);
  Result<std::unique_ptr<BlobReader>> read(const BlobRef& blob, const Secret& data_key);
  void unlink(const std::string& id);
  ReleasedFiles& released() { return released_; }
  DiskSpace& disk() { return disk_; }
  std::string path(const std::string& id) const;
  std::vector<std::string> ids() const;  // every file there is

 private:
  const std::string dir_;
  DiskSpace& disk_;
  ReleasedFiles released_;
};

}  // namespace sluice
