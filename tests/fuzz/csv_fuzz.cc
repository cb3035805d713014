// SPDX-License-Identifier: Apache-2.0
// Comma-separated values: in two pieces they are the same rows as whole, and the rows that were
// read, written anew, are read as the same.
#include "fuzz.h"
#include "services/dynamodb/csv.h"

using namespace sluice;
using Rows = std::vector<dynamodb::CsvRow>;

static Rows read(std::string_view text, size_t cut) {
  Rows rows;
  dynamodb::CsvReader reader(',', [&](dynamodb::CsvRow&& row) -> Result<Done> {
    rows.push_back(std::move(row));
    return Done{};
  });
  MUST(reader.write(text.substr(0, cut)) && reader.write(text.substr(cut)) && reader.finish());
  return rows;
}

static std::string written(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& field : fields) {
    line += line.empty() ? "\"" : ",\"";
    for (const char c : field) line += c == '"' ? "\"\"" : std::string(1, c);
    line += '"';
  }
  return line + "\r\n";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::text(data, size);
  const Rows rows = read(text, 0), cut = read(text, size / 2);
  MUST(rows.size() == cut.size());
  for (size_t at = 0; at < rows.size(); ++at) {
    MUST(rows[at].fields == cut[at].fields && !rows[at].broken == !cut[at].broken);
    MUST(rows[at].fields.size() <= dynamodb::kCsvFieldsMax);
    if (rows[at].broken) continue;
    const Rows again = read(written(rows[at].fields), 0);
    MUST(again.size() == 1 && !again[0].broken && again[0].fields == rows[at].fields);
  }
  return 0;
}
