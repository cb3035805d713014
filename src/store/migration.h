// SPDX-License-Identifier: Apache-2.0
#pragma once
// What earlier formats of the data directory wrote in another way, brought up to date when it is
// opened: in commits of bounded size, each of which leaves every entry whole in one form or the
// other, so that it may be interrupted anywhere and goes on at the next start.
//   1     events of the table "outbox", keyed by the wall clock and a random part   -> jobs
//   1, 2  keys without account and Region                                           -> with them
// Records of both begin with `{` in place of their version; they are read as they are.
#include "store/rocks.h"

namespace sluice {

// Before the store is opened. `progress` is called after each commit.
Result<Done> migrate_keys(Rocks& rocks, const std::function<void()>& progress = {});
// Once it is open.
Result<Done> migrate_events(Store& store);

// The table of format 1: queue, event id.
constexpr std::string_view kOutboxTable = "outbox";

}  // namespace sluice
