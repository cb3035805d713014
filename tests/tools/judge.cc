// SPDX-License-Identifier: Apache-2.0
// What the ingest function makes of documents, for a comparison with lambda/ingestion_lambda.py.
// Standard input has documents, each after its length (4 bytes, big-endian). For each one there is
// a line of JSON: what became of its records, in their order.
#include <iostream>
#include <iterator>

#include "base/bytes.h"
#include "base/gzip.h"
#include "base/json.h"
#include "ingest/decode.h"
#include "ingest/validate.h"

namespace sluice::ingest {
namespace {
json::object judged(const Record& record) {
  json::object out{{"index", record.index}, {"offset", record.offset}};
  const auto reject = [&](std::string_view code, std::string_view message) {
    out["code"] = code;
    out["message"] = is_utf8(message) ? std::string(message) : percent_encode(message);
    out["record"] = base64(record.text);
    return out;
  };
  if (record.broken) return reject(record.broken, record.why);
  const auto outcome = validate(record.text);
  if (const auto* rejection = std::get_if<Rejection>(&outcome))
    return reject(rejection->code, rejection->message);
  out["item"] = *parse_json(std::get<Item>(outcome).json);
  return out;
}

json::object judged(std::string_view document) {
  json::array records;
  Splitter splitter([&](Record&& record) -> Result<Done> {
    records.push_back(judged(record));
    return Done{};
  });
  Inflater inflater([&](std::string_view bytes) { return splitter.write(bytes); });
  auto done = inflater.write(document);
  if (done) done = inflater.finish();
  if (!splitter.finish()) return {};
  return {{"records", std::move(records)}, {"damage", done ? "" : done.error().message}};
}
}  // namespace
}  // namespace sluice::ingest

int main() {
  const std::string input((std::istreambuf_iterator<char>(std::cin)), {});
  std::string_view rest = input;
  while (rest.size() >= 4) {
    const auto* b = reinterpret_cast<const unsigned char*>(rest.data());
    const size_t length = static_cast<size_t>(b[0]) << 24 | static_cast<size_t>(b[1]) << 16 |
                          static_cast<size_t>(b[2]) << 8 | b[3];
    std::cout << sluice::json::serialize(sluice::ingest::judged(rest.substr(4, length))) << "\n";
    rest.remove_prefix(4 + length);
  }
}
