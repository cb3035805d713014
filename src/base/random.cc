// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <string.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/bytes.h"

namespace sluice {
namespace {
void fill(char* into, size_t count) {
  for (size_t done = 0; done < count;) {
    const ssize_t got = getrandom(into + done, count - done, 0);
    if (got < 0 && errno != EINTR) throw std::runtime_error("getrandom failed");
    if (got > 0) done += static_cast<size_t>(got);
  }
}
// A thread's stock, for the many small pieces of a request (nonces, ids): what is handed out is
// wiped here.
struct Stock {
  std::array<char, 1024> bytes;
  size_t left = 0;
};
constexpr size_t kFromStockMax = 24;  // keys come from the kernel directly
}  // namespace

std::string random_bytes(size_t count) {
  std::string out(count, '\0');
  if (count > kFromStockMax) {
    fill(out.data(), count);
    return out;
  }
  static thread_local Stock stock;
  if (stock.left < count) {
    fill(stock.bytes.data(), stock.bytes.size());
    stock.left = stock.bytes.size();
  }
  stock.left -= count;
  char* from = stock.bytes.data() + stock.left;
  std::copy(from, from + count, out.data());
  explicit_bzero(from, count);
  return out;
}

std::string random_hex(size_t characters) {
  return hex(random_bytes((characters + 1) / 2)).substr(0, characters);
}

std::string random_upper(size_t characters) {
  std::string out = random_bytes(characters);
  for (char& c : out) c = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[c & 31];
  return out;
}

std::string random_uuid() {
  std::string b = random_bytes(16);
  b[6] = static_cast<char>((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<char>((b[8] & 0x3f) | 0x80);
  std::string text = hex(b);
  text.reserve(36);
  for (const size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  return text;
}

}  // namespace sluice
