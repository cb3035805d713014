// SPDX-License-Identifier: Apache-2.0
#include "request/session_marks.h"

#include "base/bytes.h"

namespace sluice {

std::shared_ptr<const std::vector<policy::Attached>> SessionMarks::session_policies() const {
  if (policies.empty()) return nullptr;
  auto out = std::make_shared<std::vector<policy::Attached>>();
  for (const auto& [name, stored] : policies)
    out->push_back({policy::Kind::session, name, stored.document()});
  return out;
}

const std::string* SessionMarks::tag_key(std::string_view key) const {
  for (const auto& [known, value] : tags)
    if (equals_ignore_case(known, key)) return &known;
  return nullptr;
}

// Only what is there takes room in the token.
json::object packed(const SessionMarks& marks) {
  json::object out;
  for (const auto& [name, stored] : marks.policies) {
    if (!out.contains("p")) out["p"] = json::array{};
    out["p"].get_array().push_back(json::array{name, stored.text()});
  }
  for (const auto& [key, value] : marks.tags) {
    if (!out.contains("t")) out["t"] = json::object{};
    out["t"].get_object()[key] = value;
  }
  for (const std::string& key : marks.transitive) {
    if (!out.contains("y")) out["y"] = json::array{};
    out["y"].get_array().emplace_back(key);
  }
  if (!marks.source_identity.empty()) out["o"] = marks.source_identity;
  if (!marks.federated_provider.empty()) out["f"] = marks.federated_provider;
  return out;
}

SessionMarks unpacked(const json::object& members) {
  SessionMarks marks;
  if (const json::value* policies = members.if_contains("p"))
    for (const json::value& one : policies->as_array())
      marks.policies.emplace_back(std::string(one.as_array().at(0).as_string()),
                                  std::string(one.as_array().at(1).as_string()));
  if (const json::value* tags = members.if_contains("t"))
    for (const auto& [key, value] : tags->as_object())
      marks.tags.emplace(key, std::string(value.as_string()));
  if (const json::value* keys = members.if_contains("y"))
    for (const json::value& key : keys->as_array()) marks.transitive.emplace_back(key.as_string());
  marks.source_identity = text_of(members, "o");
  marks.federated_provider = text_of(members, "f");
  return marks;
}

Result<int64_t> packed_size(const SessionMarks& marks) {
  const size_t bytes = json::serialize(packed(marks)).size();
  const auto percent = static_cast<int64_t>((bytes * 100 + kPackedBytesMax - 1) / kPackedBytesMax);
  if (percent > 100)
    return Error{400,
                 "PackedPolicyTooLarge",
                 "Packed size of session policies and tags consumes " + std::to_string(percent) +
                     "% of the allotted space.",
                 {}};
  return percent;
}

}  // namespace sluice
