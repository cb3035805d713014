// SPDX-License-Identifier: Apache-2.0
#pragma once
// The last step: an outcome in the words of its protocol. A reply cannot be built without a
// Receipt.
#include "request/ports.h"

namespace sluice {

Response reply(const Receipt& receipt, const Request& request, const Service& service,
               const Row* row, Result<Response> outcome);
// For what could not be committed: the store is read-only, so there is no receipt and nothing was
// done.
Response refuse(const Request& request, const Service& service, const Error& error);

}  // namespace sluice
