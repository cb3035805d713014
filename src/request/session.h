// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sessions that are sealed into their own token. A token is base64(AEAD(JSON)) under a key derived
// from the root key, so that only this server can open it, and nothing about it is stored. It ends
// when it expires, when its role is deleted, or by a policy on aws:TokenIssueTime, as on AWS.
//
//   std::unique_ptr<Sessions> sessions = make_sessions(store);
//   const Session session = sessions->mint(role.arn, role.id, "reader", 3600);
//   TRY(const Session opened, sessions->open(session.token));
#include <memory>

#include "request/ports.h"

namespace sluice {

constexpr size_t kTokenBytesMax = 8192;
std::unique_ptr<Sessions> make_sessions(Store& store);

}  // namespace sluice
