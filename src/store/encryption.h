// SPDX-License-Identifier: Apache-2.0
#pragma once
// RocksDB's files under AES-256-CTR, each with a random IV in its prefix. This keeps the content
// secret but does not show changes: objects and items are sealed besides, and the audit records are
// chained by hashes.
//
//   rocks->env = encrypted_env(store_key);
//   db_options.env = rocks->env.get();
#include <rocksdb/env.h>

#include <memory>

#include "base/secret.h"

namespace sluice {

// How many bytes stand before the content of every file.
constexpr size_t kFilePrefixBytes = 4096;
std::unique_ptr<rocksdb::Env> encrypted_env(const Secret& store_key);

}  // namespace sluice
