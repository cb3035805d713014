// SPDX-License-Identifier: Apache-2.0
#pragma once
// The last step of a request: writes what came of it in the words of its protocol. A reply needs a
// Receipt, so nothing can be answered before it is on disk.
//
//   if (!receipt) return refuse(request, service, outcome.error());
//   return reply(*receipt, request, service, row, std::move(outcome));
#include "request/ports.h"

namespace sluice {

Response reply(const Receipt& receipt, const Request& request, const Service& service,
               const Row* row, Result<Response> outcome);
// For a request of which nothing was done. It needs no Receipt.
Response refuse(const Request& request, const Service& service, const Error& error);

}  // namespace sluice
