// SPDX-License-Identifier: Apache-2.0
#include "store/record.h"

#include <spdlog/spdlog.h>

#include "base/bytes.h"

namespace sluice {
namespace record_codec {

void wrong_type(std::string_view member, std::string_view wanted) {
  throw UnreadableRecord("the member " + std::string(member) + " of a record is not " +
                         std::string(wanted));
}

json::object stored_members(std::string_view value, uint8_t& version) {
  if (value.size() < 2) throw UnreadableRecord("a record is cut off");
  version = value.front() == kUnversioned ? 1 : static_cast<uint8_t>(value.front());
  auto members = parse_json_object(value.front() == kUnversioned ? value : value.substr(1));
  if (!members) throw UnreadableRecord("a record is not JSON");
  return *std::move(members);
}

}  // namespace record_codec

void Snapshot::pass_over(std::string_view key, std::string_view why) {
  spdlog::error("{} (key {}); it is passed over, see `sluice verify`", why, hex(key));
}

}  // namespace sluice
