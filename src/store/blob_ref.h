// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files of object bytes, as the services see them: written and read piece by piece, sealed under a
// data key. How they stand on the disk is in store/blob.h.
//
//   const auto writer = store.write_blob(data_key);
//   CHECK(writer->write(bytes));
//   TRY(const BlobRef blob, writer->finish());
//   staged.adopt(blob);
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice {

// Names a sealed file of object bytes. Until a commit adopts the file, `file` owns it: the last
// copy of the ref unlinks it. So a request that runs again after a conflict still has its body.
struct UncommittedFile;
struct BlobRef {
  std::string id;
  uint64_t bytes = 0;  // of the plaintext
  std::shared_ptr<UncommittedFile> file = {};
};
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  // Errors: ServiceUnavailable 503 when the disk is nearly full.
  virtual Result<Done> write(std::string_view plain) = 0;
  // Seals the file, and syncs it and its directory.
  virtual Result<BlobRef> finish() = 0;
};
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  // Reads up to `count` bytes at `offset`. Errors: InternalError 500 when the seal is broken,
  // ServiceUnavailable 503 when the disk does not answer.
  virtual Result<std::string> read(uint64_t offset, size_t count) = 0;
};

}  // namespace sluice
