// SPDX-License-Identifier: Apache-2.0
#include "request/query_list.h"

#include "base/bytes.h"

namespace sluice {
namespace {
Error invalid(std::string text) { return {400, "ValidationError", std::move(text), {}}; }
}  // namespace

Result<std::vector<ListMember>> list_members(const Request& request, std::string_view list,
                                             size_t max) {
  const std::string prefix = std::string(list) + ".member.";
  std::map<int64_t, ListMember> found;
  for (const auto& [name, value] : request.query) {
    if (!name.starts_with(prefix)) continue;
    const std::string rest = name.substr(prefix.size());
    const size_t dot = rest.find('.');
    const auto number = parse_int(rest.substr(0, dot));
    if (!number || *number < 1) return invalid("The list " + std::string(list) + " is malformed.");
    found[*number][dot == std::string::npos ? "" : rest.substr(dot + 1)] = value;
    if (found.size() > max)
      return invalid("1 validation error detected: Value at '" + std::string(list) +
                     "' failed to satisfy constraint: Member must have length less than or equal "
                     "to " +
                     std::to_string(max));
  }
  std::vector<ListMember> out;
  for (auto& [number, member] : found) out.push_back(std::move(member));
  return out;
}

}  // namespace sluice
