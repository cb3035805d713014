// SPDX-License-Identifier: Apache-2.0
#pragma once
// RocksDB's log (its *.log files, the write-ahead log) in files that are written over instead of
// grown. A file that had its size before changes no metadata when it is synced: a commit waits
// a third to two thirds as long, and not for what other files owe the journal of the file system
// (decision 0018).
//
//   auto files = with_wal_files(rocksdb::FileSystem::Default());   // below the encryption
//
// Zeros are written ahead where few bytes are synced at a time. So such a file must say itself
// where its content ends. It is a row of frames, each of them what RocksDB appended at once:
//
//   8 bytes  "SluiceWL"
//   8 bytes  up to which place of the file all was synced when the frame was written
//   8 bytes  the number of bytes of content
//   8 bytes  the CRC32C of the frame's place in the file, of the above and of the content
//   content
//
// Numbers are big-endian. After each sync there is a frame without content, which says so; it comes
// to the disk with what is written next. What a power cut leaves of bytes that were not synced may
// have holes. So the content ends before the first frame that is not whole, unless a later one says
// that this place was synced: then the file is damaged, and reading it answers Corruption.
//
// A log has content only when all of the ones before it is on the disk: what is first written to it
// syncs them. Else a power cut could leave the end of a history without its middle.
//
// A log without such frames is one that an older version has written: it is read as it is.
#include <rocksdb/file_system.h>

#include <memory>

namespace sluice {

std::shared_ptr<rocksdb::FileSystem> with_wal_files(std::shared_ptr<rocksdb::FileSystem> below);

}  // namespace sluice
