// SPDX-License-Identifier: Apache-2.0
#pragma once
// Secret: bytes that must not be printed, logged, compared with == or left in memory. They are
// wiped when the Secret goes. In the server they lie in memory that is locked and in no core dump
// (guard_memory, src/crypto/guard_memory.h), as far as that reaches.
//
//   const Secret key(random_bytes(32));
//   const std::string mac = hmac_sha256(key.expose(), text);
#include <openssl/crypto.h>

#include <algorithm>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

// How much of the locked memory may be in use before Secrets lie in ordinary memory, which is wiped
// as well, but may be swapped out.
constexpr size_t kSecretsLockedBytesMax = size_t{2} << 20;

class Secret {
 public:
  Secret() = default;
  // `bytes` is wiped: the copy in here is the only one that is left.
  explicit Secret(std::string bytes) : Secret(std::string_view(bytes), 0) {
    OPENSSL_cleanse(bytes.data(), bytes.size());
  }
  Secret(const Secret& other) : Secret(other.expose(), 0) {}
  Secret(Secret&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Secret& operator=(Secret other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Secret() { OPENSSL_secure_clear_free(data_, size_); }

  // The bytes themselves. Every call of this is a place to review.
  std::string_view expose() const { return {data_, size_}; }
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  bool operator==(const Secret&) const = delete;

 private:
  Secret(std::string_view bytes, int) : size_(bytes.size()) {
    if (bytes.empty()) return;
    // OpenSSL keeps private keys in the same memory, and has no other when it is full.
    if (CRYPTO_secure_malloc_initialized() && CRYPTO_secure_used() < kSecretsLockedBytesMax)
      data_ = static_cast<char*>(OPENSSL_secure_malloc(size_));
    if (!data_) data_ = static_cast<char*>(OPENSSL_malloc(size_));
    if (!data_) throw std::bad_alloc();
    std::copy(bytes.begin(), bytes.end(), data_);
  }
  char* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace sluice
