#pragma once
// Object bytes larger than fit in a record: one file each, sealed in AES-256-GCM chunks.
// docs/on-disk.md
#include <mutex>
#include <set>

#include "store/store.h"

namespace sluice {

// Unlinks a finished file that no commit named.
struct UncommittedFile {
  std::string path;
  bool committed = false;
  explicit UncommittedFile(std::string p) : path(std::move(p)) {}
  ~UncommittedFile();
};

// The files under <data_dir>/blobs. An id begins with the number of the boot that made it, so that
// the sweep at start removes what earlier boots left behind unnamed, and never a file of this one.
class Blobs {
 public:
  Blobs(std::string dir, uint64_t boot);
  std::unique_ptr<BlobWriter> write(const Secret& data_key);
  Result<std::unique_ptr<BlobReader>> read(const BlobRef& blob, const Secret& data_key);
  void unlink(const std::string& id);
  std::string path(const std::string& id) const;
  std::vector<std::string> ids() const;  // every file there is
  uint64_t boot_of(const std::string& id) const;

 private:
  const std::string dir_;
  const uint64_t boot_;
};

}  // namespace sluice
