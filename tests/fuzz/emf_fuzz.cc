// SPDX-License-Identifier: Apache-2.0
// Lines that functions print: log events, and metrics embedded in them.
#include "fuzz.h"
#include "services/logs/logs.h"

using namespace sluice;
namespace {
class CheckingMeter : public Meter {
 public:
  void record(Staged&, const Sample& sample) override {
    MUST(!sample.space.empty() && !sample.space.starts_with("AWS/") && !sample.metric.empty() &&
         !sample.values.empty());
  }
};
struct World {
  fuzz::Scratch scratch;
  std::unique_ptr<Store> store;
  CheckingMeter meter;
  Ports ports;
  std::unique_ptr<Journal> journal;
  World() {
    auto opened =
        Store::open({scratch.path() + "/data", scratch.path() + "/root.key", {}, false, {}});
    MUST(opened);
    store = *std::move(opened);
    ports.store = store.get();
    ports.meter = &meter;
    journal = logs::journal(ports);
  }
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static World* const world = new World;
  Staged staged = world->store->stage();
  world->journal->append(staged, "/aws/lambda/f", "s",
                         {{now(), std::string(fuzz::text(data, size))}});
  return 0;
}
