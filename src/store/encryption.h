// SPDX-License-Identifier: Apache-2.0
#pragma once
// RocksDB files under AES-256-CTR: a random IV per file in its prefix. Confidentiality only; what
// must not be altered is sealed besides (objects, items) or chained (audit).
#include <rocksdb/env.h>

#include <memory>

#include "base/secret.h"

namespace sluice {

constexpr size_t kFilePrefixBytes = 4096;  // before the content of every file
std::unique_ptr<rocksdb::Env> encrypted_env(const Secret& store_key);

}  // namespace sluice
