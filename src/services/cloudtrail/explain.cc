// SPDX-License-Identifier: Apache-2.0
#include "services/cloudtrail/explain.h"

namespace sluice::cloudtrail {
namespace {
const json::object& object_in(const json::object& from, std::string_view name) {
  static const json::object none;
  const json::value* found = from.if_contains(name);
  return found && found->is_object() ? found->get_object() : none;
}
std::string caller_of(const json::object& record) {
  const json::object& identity = object_in(record, "userIdentity");
  for (const char* name : {"arn", "principalId", "invokedBy", "type"})
    if (const std::string text = text_of(identity, name); !text.empty()) return text;
  return "nobody who is known";
}
std::string_view place_of(const json::object& statement) {
  const std::string type = text_of(statement, "policyType");
  if (type == "identity") return "policy of the role";
  if (type == "permissionsBoundary") return "permissions boundary";
  if (type == "session") return "policy of the session";
  return "policy of the resource";
}
std::string shown(const json::object& statement) {
  const bool denies = text_of(statement, "effect") == "Deny";
  std::string line = (denies ? "denied by the " : "allowed by the ") +
                     std::string(place_of(statement)) + " " + text_of(statement, "policy");
  if (bool_of(statement, "malformed")) return line + ", which does not parse";
  if (const std::string sid = text_of(statement, "sid"); !sid.empty())
    return line + ", statement " + sid;
  return line + ", statement number " + std::to_string(int_of(statement, "index") + 1);
}
}  // namespace

std::optional<json::object> find_record(Store& store, std::string_view id) {
  std::optional<json::object> found;
  store.audit_scan(store.snapshot(), 0, [&](uint64_t, std::string_view text) {
    if (text.find(id) == text.npos) return true;
    auto record = parse_json_object(text);
    if (record && (text_of(*record, "eventID") == id || text_of(*record, "requestID") == id))
      found = *std::move(record);
    return !found;
  });
  return found;
}

std::vector<std::string> explained(const json::object& record) {
  std::vector<std::string> lines{
      text_of(record, "eventTime") + "  " + text_of(record, "eventName") + " of " +
          text_of(record, "eventSource"),
      "by " + caller_of(record) + " from " + text_of(record, "sourceIPAddress")};
  const std::string code = text_of(record, "errorCode");
  lines.push_back(code.empty() ? "done" : code + ": " + text_of(record, "errorMessage"));
  const json::object& extra = object_in(record, "additionalEventData");
  const json::value* statements = extra.if_contains("determiningStatements");
  if (statements && statements->is_array())
    for (const json::value& one : statements->get_array())
      if (one.is_object()) lines.push_back(shown(one.get_object()));
  if (bool_of(extra, "moreDeterminingStatements")) lines.emplace_back("and by more statements");
  if (!statements && code.starts_with("AccessDenied"))
    lines.emplace_back("no statement denied it, and none that had to allow it did");
  return lines;
}

}  // namespace sluice::cloudtrail
