// SPDX-License-Identifier: Apache-2.0
#pragma once
// Comma-separated values (RFC 4180), read as a stream in bounded memory. Lines may end with a line
// feed alone, and another character may stand between the fields.
//
//   CsvReader reader(',', [&](CsvRow&& row) { return take(std::move(row)); });
//   CHECK(reader.write(bytes));   // for each piece
//   CHECK(reader.finish());
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::dynamodb {

constexpr size_t kCsvRowBytesMax = 1 << 20, kCsvFieldsMax = 1024;

struct CsvRow {
  std::vector<std::string> fields;
  const char* broken = nullptr;  // why it cannot be read; then it may lack fields
};

class CsvReader {
 public:
  using Take = std::function<Result<Done>(CsvRow&& row)>;
  CsvReader(char delimiter, Take take) : delimiter_(delimiter), take_(std::move(take)) {}
  Result<Done> write(std::string_view bytes);
  Result<Done> finish();

 private:
  Result<Done> read(char c);
  void keep(char c);
  void end_field();
  Result<Done> end_row();

  enum class At { field, quoted, quote } at_ = At::field;  // quote: after one inside quotes
  const char delimiter_;
  const Take take_;
  CsvRow row_;
  std::string field_;
  size_t bytes_ = 0;
  bool began_ = false;  // the row has a character
};

}  // namespace sluice::dynamodb
