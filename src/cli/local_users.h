// SPDX-License-Identifier: Apache-2.0
#pragma once
// The other users of this machine whom the owner lets in: `sluice serve --user 1001=reporter`. Each
// gets sessions of one role, at a socket that is not the operator's.
//
//   TRY(ports.local_users, parse_local_users({"1001=reporter"}, scope));
//   listen_local(user_socket(options), door);
#include "cli/server.h"
#include "request/ports.h"

namespace sluice::cli {

constexpr size_t kLocalUsersMax = 1000;
// Each text is UID=ROLE, the role by its name or its ARN. Errors: InvalidUser, which says what is
// wrong with it.
Result<LocalUsers> parse_local_users(const std::vector<std::string>& texts, const Scope& scope);
// --user-socket, else <data-dir>.users.sock: it lies beside the directory, into which nobody else
// may look.
std::string user_socket(const ServeOptions& options);

}  // namespace sluice::cli
