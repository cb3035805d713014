// SPDX-License-Identifier: Apache-2.0
// Deployment packages, and layers over layers: the input is up to five zips, one after another.
// Each that is taken is unpacked apart and laid over the earlier ones, as the runner does it.
// Nothing of them lands outside their folders, whatever the links of one say of another's.
#include "fuzz.h"
#include "services/lambda/package.h"

using namespace sluice;
namespace {
constexpr std::string_view kNext = "\n--next layer--\n";
constexpr size_t kLayersMax = 5;

size_t entries_beside(const std::string& folder) {
  size_t beside = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    (void)entry;
    ++beside;
  }
  return beside;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto rest = fuzz::text(data, size);
  const fuzz::Scratch scratch;
  const std::string own = scratch.path() + "/own", joined = scratch.path() + "/joined";
  std::filesystem::create_directory(joined);
  for (size_t layers = 0; layers < kLayersMax && !rest.empty(); ++layers) {
    const auto zip = fuzz::take(rest, kNext);
    if (!lambda::check_package(zip)) continue;
    std::filesystem::create_directory(own);
    if (lambda::unpack(zip, own)) (void)lambda::lay_over(own, joined);
    MUST(entries_beside(scratch.path()) == 2);
    std::filesystem::remove_all(own);
  }
  MUST(entries_beside(scratch.path()) == 1);
  return 0;
}
