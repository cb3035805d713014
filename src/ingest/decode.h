// SPDX-License-Identifier: Apache-2.0
#pragma once
// From the bytes of an object to the texts of its records, streaming, in bounded memory: gzip (RFC
// 1952, several members) or plain; a JSON array of records, one object, or objects one after the
// other (newline-delimited JSON).
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::ingest {

constexpr size_t kRecordBytesMax =
    400 * 1024;  // DynamoDB's limit of an item; more of a record is not kept

struct Record {
  uint64_t index = 0,
           offset = 0;  // position in the file: number of the record; byte after decompression
  std::string text;     // as it came, at most kRecordBytesMax
  const char* broken =
      nullptr;  // a reason code when the text cannot be a record: "MalformedJson", "RecordTooLarge"
  const char* why = "";
};

// Cuts a byte stream into records. It knows strings and brackets only: what is between is judged by
// validate(). A record that is not closed ends where the next line begins an object, so that one
// broken line costs one record.
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
  void keep(char c);
  void scan(char c);  // strings and depth
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

// Plain bytes out of plain or gzip bytes. Error: 400 MalformedGzip.
class Inflater {
 public:
  using Take = std::function<Result<Done>(std::string_view)>;
  explicit Inflater(Take take);
  ~Inflater();
  Result<Done> write(std::string_view bytes);
  Result<Done> finish();

 private:
  struct State;
  Result<Done> inflate_some(std::string_view bytes);
  Take take_;
  std::string head_;  // the first bytes, until it is known what they are
  std::unique_ptr<State> state_;
  bool plain_ = false;
};

}  // namespace sluice::ingest
