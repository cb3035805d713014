// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sessions sealed into their own token. A token is base64(AEAD(JSON)) under a key derived from the
// root key: only this server opens it, nothing about it is stored, and it ends with its expiry,
// with its role, or by a policy on aws:TokenIssueTime, as on AWS.
#include <memory>

#include "request/ports.h"

namespace sluice {

constexpr size_t kTokenBytesMax = 4096;
std::unique_ptr<Sessions> make_sessions(Store& store);

}  // namespace sluice
