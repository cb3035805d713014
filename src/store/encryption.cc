// SPDX-License-Identifier: Apache-2.0
#include "store/encryption.h"

#include <rocksdb/env_encryption.h>

#include "base/random.h"
#include "crypto/crypto.h"
#include "store/wal_files.h"

namespace sluice {
namespace {
using rocksdb::Slice;
using rocksdb::Status;
constexpr size_t kIvBytes = 16;

class CtrStream : public rocksdb::BlockAccessCipherStream {
 public:
  CtrStream(const Secret& key, std::string iv) : key_(key), iv_(std::move(iv)) {}
  size_t BlockSize() override { return 16; }
  Status Encrypt(uint64_t offset, char* data, size_t size) override {
    ctr_xor(key_, iv_, offset, data, size);
    return Status::OK();
  }
  Status Decrypt(uint64_t offset, char* data, size_t size) override {
    return Encrypt(offset, data, size);
  }

 protected:
  void AllocateScratch(std::string&) override {}
  Status EncryptBlock(uint64_t, char*, char*) override { return Status::NotSupported(); }
  Status DecryptBlock(uint64_t, char*, char*) override { return Status::NotSupported(); }

 private:
  const Secret& key_;
  const std::string iv_;
};

class CtrProvider : public rocksdb::EncryptionProvider {
 public:
  explicit CtrProvider(Secret key) : key_(std::move(key)) {}
  const char* Name() const override { return "SluiceCtr"; }
  size_t GetPrefixLength() const override { return kFilePrefixBytes; }
  Status CreateNewPrefix(const std::string&, char* prefix, size_t size) const override {
    random_bytes(kIvBytes).copy(prefix, kIvBytes);
    std::fill(prefix + kIvBytes, prefix + size, '\0');
    return Status::OK();
  }
  Status AddCipher(const std::string&, const char*, size_t, bool) override {
    return Status::NotSupported();
  }
  Status CreateCipherStream(const std::string&, const rocksdb::EnvOptions&, Slice& prefix,
                            std::unique_ptr<rocksdb::BlockAccessCipherStream>* out) override {
    if (prefix.size() < kIvBytes) return Status::Corruption("a file without its encryption prefix");
    *out = std::make_unique<CtrStream>(key_, std::string(prefix.data(), kIvBytes));
    return Status::OK();
  }

 private:
  const Secret key_;
};
}  // namespace

std::unique_ptr<rocksdb::Env> encrypted_env(const Secret& store_key) {
  return rocksdb::NewCompositeEnv(rocksdb::NewEncryptedFS(
      with_wal_files(rocksdb::FileSystem::Default()), std::make_shared<CtrProvider>(store_key)));
}

}  // namespace sluice
