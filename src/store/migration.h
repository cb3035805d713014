// SPDX-License-Identifier: Apache-2.0
#pragma once
// Brings a data directory of an earlier format up to date when it is opened. It works in commits of
// bounded size. Each leaves every entry whole, in the old form or in the new one, so that a crash
// at any moment is harmless: the next start goes on from there.
//
//   CHECK(migrate_keys(*rocks));     // before the store is opened
//   CHECK(migrate_events(*store));   // afterwards
//
// What older formats wrote, and what becomes of it:
//   1     events of the table "outbox", keyed by the wall clock and a random part: jobs
//   1, 2  keys without account and Region: they get both
// The records of both formats begin with `{` where later ones have their version. They are read as
// they are.
#include "store/rocks.h"

namespace sluice {

// Must be done before the store is opened. `progress` is called after each commit.
Result<Done> migrate_keys(Rocks& rocks, const std::function<void()>& progress = {});
// Must be done once the store is open.
Result<Done> migrate_events(Store& store);

// The table of format 1 whose keys were a queue and the id of an event.
constexpr std::string_view kOutboxTable = "outbox";

}  // namespace sluice
