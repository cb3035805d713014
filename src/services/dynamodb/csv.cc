// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/csv.h"

namespace sluice::dynamodb {

Result<Done> CsvReader::write(std::string_view bytes) {
  for (const char c : bytes) CHECK(read(c));
  return Done{};
}

Result<Done> CsvReader::finish() {
  if (at_ == At::quoted) row_.broken = "the file ends inside quotes";
  return began_ ? end_row() : Result<Done>(Done{});
}

Result<Done> CsvReader::read(char c) {
  if (at_ == At::quoted) {
    if (c == '"')
      at_ = At::quote;
    else
      keep(c);
    return Done{};
  }
  if (c == '"') {
    if (at_ == At::quote) {  // two of them stand for one
      keep(c);
      at_ = At::quoted;
    } else if (field_.empty()) {
      at_ = At::quoted;
      began_ = true;
    } else {
      row_.broken = "there is a quote inside a field that has none at its beginning";
    }
    return Done{};
  }
  if (c == '\n') return began_ ? end_row() : Result<Done>(Done{});
  if (c == '\r') return Done{};
  if (c == delimiter_) {
    began_ = true;
    end_field();
    return Done{};
  }
  if (at_ == At::quote) row_.broken = "there is text after a quoted field";
  keep(c);
  return Done{};
}

void CsvReader::keep(char c) {
  began_ = true;
  if (++bytes_ > kCsvRowBytesMax)
    row_.broken = "the row is larger than 1 MB";
  else
    field_ += c;
}

void CsvReader::end_field() {
  at_ = At::field;
  if (row_.fields.size() == kCsvFieldsMax)
    row_.broken = "the row has more than 1024 fields";
  else
    row_.fields.push_back(std::move(field_));
  field_.clear();
}

Result<Done> CsvReader::end_row() {
  end_field();
  bytes_ = 0;
  began_ = false;
  CsvRow row = std::move(row_);
  row_ = {};
  return take_(std::move(row));
}

}  // namespace sluice::dynamodb
