// SPDX-License-Identifier: Apache-2.0
#pragma once
// The texts of src/runtimes/, which CMake puts into the program: what speaks the Runtime API in a
// sandbox for functions of managed runtimes.
//
//   launch.files.emplace_back("/var/runtime/bootstrap.py", kPythonClient);
#include <string_view>

namespace sluice::lambda {

extern const std::string_view kPythonClient, kNodeClient;

}  // namespace sluice::lambda
