// SPDX-License-Identifier: Apache-2.0
#pragma once
// Deployment packages: zip files with a function's code. Source: Lambda Developer Guide, "Lambda
// quotas", "Building a custom runtime", "Working with .zip file archives for Python".
//
//   CHECK(check_package(zip));   // when the function is created
//   CHECK(unpack(zip, folder));  // before it is run
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::lambda {

constexpr size_t kZipBytesMax = 50 << 20;          // of a zip in the request: 50 MB
constexpr uint64_t kUnzippedBytesMax = 262144000;  // 250 MB
constexpr int64_t kZipEntriesMax = 20000;

// What was seen of a package while it was checked.
struct PackageFacts {
  uint64_t unpacked_bytes = 0;
  std::string extension;  // the first file in extensions/, where a layer has Lambda extensions
};
// Reads every byte of every entry, and checks its CRC, the size of all, and that no name and no
// symbolic link leads outside. Errors: InvalidParameterValueException.
Result<PackageFacts> check_package(std::string_view zip);
// Writes the entries into `folder`, which exists and is empty, with the mode bits of the zip. Links
// are made last, so that nothing is ever written through one.
Result<Done> unpack(std::string_view zip, const std::string& folder);
// Moves all that is in `from` into `onto`, over what is there; folders are joined. It follows no
// symbolic link: those of one layer say nothing of where another one's files may lie.
Result<Done> lay_over(const std::string& from, const std::string& onto);

}  // namespace sluice::lambda
