// SPDX-License-Identifier: Apache-2.0
#include "request/message.h"

namespace sluice {

const std::string* Headers::find(std::string_view lower_name) const {
  for (const auto& [name, value] : list)
    if (name == lower_name) return &value;
  return nullptr;
}
std::string Headers::get(std::string_view lower_name) const {
  const std::string* value = find(lower_name);
  return value ? *value : std::string();
}
const std::string* Request::query_value(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return &value;
  return nullptr;
}
std::string Request::query_text(std::string_view name) const {
  const std::string* value = query_value(name);
  return value ? *value : std::string();
}
std::string Request::param(std::string_view name) const {
  for (const auto& [key, value] : params)
    if (key == name) return value;
  return {};
}

std::string payload_hash_of(const Request& request) {
  for (const std::string* named :
       {request.headers.find("x-amz-content-sha256"), request.query_value("X-Amz-Content-Sha256")})
    if (named && !named->empty()) return *named;
  return "UNSIGNED-PAYLOAD";
}

}  // namespace sluice
