// SPDX-License-Identifier: Apache-2.0
// A key is the name of its table and then each part with 00 01 after it. A 00 inside of a part is
// written as 00 FF. So keys sort by their bytes as they sort by their parts.
#include "store/key.h"

namespace sluice::schema {
namespace {
constexpr std::string_view kEnd("\0\x01", 2);

void append_begun(std::string& key, std::string_view part) {
  for (size_t end; (end = part.find('\0')) != part.npos; part.remove_prefix(end + 1))
    key.append(part.substr(0, end + 1)) += '\xff';
  key += part;
}
void append_part(std::string& key, std::string_view part) {
  append_begun(key, part);
  key += kEnd;
}
}  // namespace

std::string begun(std::string_view part) {
  std::string out;
  append_begun(out, part);
  return out;
}
std::string part(std::string_view part) { return begun(part) += kEnd; }
Key key(Family family, std::string_view table, std::initializer_list<std::string_view> parts) {
  size_t bytes = table.size() + kEnd.size();
  for (const auto one : parts) bytes += one.size() + kEnd.size();
  Key k{family, {}};
  k.bytes.reserve(bytes);
  append_part(k.bytes, table);
  for (const auto one : parts) append_part(k.bytes, one);
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
