// Keys: table name, then each part, each ended by 00 01, with 00 inside written as 00 FF: byte
// order is part order.
#include "store/store.h"

namespace sluice::schema {
namespace {
void append(std::string& out, std::string_view part) {
  for (char c : part) {
    out += c;
    if (c == '\0') out += '\xff';
  }
  out += '\0';
  out += '\x01';
}
}  // namespace

Key key(Family family, std::string_view table, std::initializer_list<std::string_view> parts) {
  Key k{family, {}};
  append(k.bytes, table);
  for (const auto part : parts) append(k.bytes, part);
  return k;
}
Key prefix(Family family, std::string_view table, std::initializer_list<std::string_view> parts) {
  return key(family, table, parts);
}

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
