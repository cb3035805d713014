// SPDX-License-Identifier: Apache-2.0
// A key is the name of its table and then each part with 00 01 after it. A 00 inside of a part is
// written as 00 FF. So keys sort by their bytes as they sort by their parts.
#include "store/key.h"

namespace sluice::schema {
namespace {
constexpr std::string_view kEnd("\0\x01", 2);
}  // namespace

std::string begun(std::string_view part) {
  std::string out;
  for (char c : part) {
    out += c;
    if (c == '\0') out += '\xff';
  }
  return out;
}
std::string part(std::string_view part) { return begun(part) += kEnd; }
Key key(Family family, std::string_view table, std::initializer_list<std::string_view> parts) {
  Key k{family, part(table)};
  for (const auto one : parts) k.bytes += part(one);
  return k;
}
Key prefix(Family family, std::string_view table, std::initializer_list<std::string_view> parts) {
  return key(family, table, parts);
}
std::string after(std::string_view bytes) {
  std::string out(bytes.substr(0, bytes.find_last_not_of('\xff') + 1));
  if (!out.empty()) ++out.back();
  return out;
}
Span span(const Key& prefix) { return {prefix.family, prefix.bytes, after(prefix.bytes)}; }

std::vector<std::string> parts(std::string_view bytes) {
  std::vector<std::string> out;
  std::string part;
  for (size_t i = 0; i + 1 < bytes.size(); ++i) {
    if (bytes[i] != '\0') {
      part += bytes[i];
      continue;
    }
    if (bytes[++i] == '\x01') {
      out.push_back(std::move(part));
      part.clear();
    } else
      part += '\0';
  }
  if (!out.empty()) out.erase(out.begin());
  return out;
}

}  // namespace sluice::schema
