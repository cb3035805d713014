// SPDX-License-Identifier: Apache-2.0
#pragma once
// Deployment packages: zip files with an executable `bootstrap` at their root. Source: Lambda
// Developer Guide, "Lambda quotas", "Building a custom runtime".
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::lambda {

constexpr size_t kZipBytesMax = 50 << 20;          // sent in the request; AWS counts 50 MB
constexpr uint64_t kUnzippedBytesMax = 262144000;  // 250 MB
constexpr int64_t kZipEntriesMax = 20000;

// Reads every byte of every entry: CRC, total size, names that stay inside. Error:
// InvalidParameterValueException. Symbolic links are refused.
Result<Done> check_package(std::string_view zip);
// Writes the entries under `folder`, which exists and is empty, with the mode bits of the zip.
Result<Done> unpack(std::string_view zip, const std::string& folder);

}  // namespace sluice::lambda
