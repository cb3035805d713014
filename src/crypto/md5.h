// SPDX-License-Identifier: Apache-2.0
#pragma once
// MD5 (RFC 1321), which S3 names objects' contents by (ETag, Content-MD5) and nothing trusts. Each
// step of it waits for the one before, so that one text keeps a processor waiting most of the time,
// while eight texts together take little longer than one. Threads that hash large texts at the same
// time are therefore hashed together, by one of them.
//
//   Md5 md5;
//   md5.update(piece);
//   const std::string digest = md5.finish();
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

using Md5State = std::array<uint32_t, 4>;
constexpr size_t kMd5BlockBytes = 64, kMd5Lanes = 8;

// Whole blocks of one text, and what was made of those before them.
struct Md5Blocks {
  Md5State* state;
  const char* at;
  size_t count;
};
void md5_hash(Md5Blocks blocks);
// Up to kMd5Lanes texts at once, which need not be of one length.
void md5_hash_together(std::span<Md5Blocks> texts);

class Md5 {
 public:
  Md5();
  Md5(const Md5&) = delete;
  ~Md5();
  void update(std::string_view data);
  std::string finish();  // 16 bytes; may be called once

 private:
  void hash(Md5Blocks blocks);
  Md5State state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  std::array<char, kMd5BlockBytes> begun_{};  // a block that is not yet whole
  uint64_t bytes_ = 0;
};

}  // namespace sluice
