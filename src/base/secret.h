// SPDX-License-Identifier: Apache-2.0
#pragma once
// Secret: bytes that must not be printed, logged, compared with == or left in memory. They are
// wiped when the Secret goes.
//
//   const Secret key(random_bytes(32));
//   const std::string mac = hmac_sha256(key.expose(), text);
#include <openssl/crypto.h>

#include <string>
#include <string_view>

namespace sluice {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.wipe(); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      wipe();
      bytes_ = other.bytes_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      bytes_ = std::move(other.bytes_);
      other.wipe();
    }
    return *this;
  }
  ~Secret() { wipe(); }

  // The bytes themselves. Every call of this is a place to review.
  std::string_view expose() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }
  size_t size() const { return bytes_.size(); }
  bool operator==(const Secret&) const = delete;

 private:
  void wipe() {
    OPENSSL_cleanse(bytes_.data(), bytes_.size());
    bytes_.clear();
  }
  std::string bytes_;
};

}  // namespace sluice
