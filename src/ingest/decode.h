// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads the records of an object as a stream, in bounded memory. The bytes may be plain or gzip
// (RFC 1952, also several members); they are a JSON array of records, one object, or objects one
// after the other (newline-delimited JSON).
//
//   Splitter splitter([&](Record&& record) { return take(std::move(record)); });
//   Inflater inflater([&](std::string_view plain) { return splitter.write(plain); });
//   CHECK(inflater.write(bytes));   // for each piece, then finish() of both
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::ingest {

// DynamoDB's limit of an item. No more than this is kept of a record.
constexpr size_t kRecordBytesMax = 400 * 1024;

struct Record {
  // Which record of the file it is, and at which byte of the decompressed file it begins.
  uint64_t index = 0, offset = 0;
  std::string text;  // as it came, at most kRecordBytesMax
  // A reason code when the text cannot be a record: "MalformedJson", "RecordTooLarge".
  const char* broken = nullptr;
  const char* why = "";
};

// Cuts a stream of bytes into records. It only knows strings and brackets; validate() judges the
// rest. A record that is not closed ends where the next line begins an object, so that a broken
// line costs one record only.
class Splitter {
 public:
  using Take = std::function<Result<Done>(Record&&)>;
  explicit Splitter(Take take) : take_(std::move(take)) {}
  Result<Done> write(std::string_view bytes);
  Result<Done> finish();  // the end of the file

 private:
  enum class Mode { start, array, after_array, stream };
  Result<Done> in_array(char c);
  Result<Done> in_stream(char c);
  void keep(std::string_view bytes);
  size_t take_ordinary(std::string_view bytes);
  void scan(char c);  // keeps in_string_ and depth_ up to date
  Result<Done> emit(const char* broken = nullptr, const char* why = "");
  Take take_;
  Mode mode_ = Mode::start;
  Record record_;
  uint64_t at_ = 0, next_index_ = 0;
  bool open_ = false, too_large_ = false, in_string_ = false, escaped_ = false, line_began_ = false,
       comma_ = false;
  int bom_ = 0;
  uint64_t depth_ = 0;
  char last_ = 0;  // the last byte that is not blank
};

}  // namespace sluice::ingest
