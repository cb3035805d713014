// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a running server counts, for `sluice status`: what waits, who reads, and what commits and
// calls took. It is asked for on the operator's socket, so that no policy has to allow it.
//
//   TRY(const json::object status, server_status(common));   // the command line asks with this
#include "request/counters.h"
#include "services/lambda/runtimes.h"
#include "store/store.h"

namespace sluice::cli {

// The members of the answer:
//   queues         jobs that wait (also those that run), lanes that are parked, and why
//   recurring      work that comes again, and when
//   readers        the ten that have read for the longest time
//   runtimes       of functions, and the interpreters behind them
//   commits, bytes, files_to_free, calls
json::object status_of(Store& store, const Counters& counters, const FunctionRuntimes& runtimes);

}  // namespace sluice::cli
