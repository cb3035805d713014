// SPDX-License-Identifier: Apache-2.0
#include "request/on_behalf.h"

namespace sluice {
namespace {
Error denied(const std::string& why) { return {403, "AccessDeniedException", why, {}}; }
}  // namespace

Result<std::string> token_to_keep(const Request& facts) {
  if (facts.session_token.empty()) return denied("This needs a caller with a session of a role.");
  return facts.session_token;
}
Result<Caller> on_behalf(const Ports& ports, const std::string& token, std::string_view service) {
  TRY(const Session session, ports.sessions->open(token));
  const auto role = ports.identities->role(session.role_name, ports.store->snapshot());
  if (!role || role->id != session.role_id)
    return denied("The role " + session.role_arn +
                  ", in whose name this is done, does not exist any more.");
  return Gate::through(Gate::role_caller(session, ports.store->scope()), service);
}

}  // namespace sluice
