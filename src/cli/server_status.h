// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a running server counts, for `sluice status`: what waits, who reads, what commits and calls
// took. Asked for on the operator's socket, so that no policy has to allow it.
#include "request/counters.h"
#include "store/store.h"

namespace sluice::cli {

// "queues" (waiting: those that run included; parked: lanes, and "why"), "readers" (the ten that
// read longest), "commits", "bytes", "files_to_free", "calls".
json::object status_of(Store& store, const Counters& counters);

}  // namespace sluice::cli
