// SPDX-License-Identifier: Apache-2.0
#pragma once
// What earlier formats of the data directory wrote in another way, brought up to date when it is
// opened: in commits of bounded size, each of which leaves every entry whole in one form or the
// other, so that it may be interrupted anywhere and goes on at the next start.
//   1  events of the table "outbox", keyed by the wall clock and a random part   -> jobs
#include "store/store.h"

namespace sluice {

Result<Done> migrate(Store& store, int64_t from_format);

// The table of format 1: queue, event id.
constexpr std::string_view kOutboxTable = "outbox";

}  // namespace sluice
