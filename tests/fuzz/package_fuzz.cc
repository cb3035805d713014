// SPDX-License-Identifier: Apache-2.0
// Deployment packages. What is taken is unpacked, and nothing of it lands outside its folder.
#include "fuzz.h"
#include "services/lambda/package.h"

using namespace sluice;
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto zip = fuzz::text(data, size);
  if (!lambda::check_package(zip)) return 0;
  const fuzz::Scratch scratch;
  const std::string folder = scratch.path() + "/inner";
  std::filesystem::create_directory(folder);
  (void)lambda::unpack(zip, folder);
  size_t beside = 0;
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path())) {
    (void)entry;
    ++beside;
  }
  MUST(beside == 1);
  return 0;
}
