// SPDX-License-Identifier: Apache-2.0
// The rules of a record: what passes is an item that DynamoDB's own check takes as it is.
#include "base/json.h"
#include "fuzz.h"
#include "ingest/validate.h"
#include "services/dynamodb/value.h"

using namespace sluice;
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = fuzz::text(data, size);
  const auto judged = ingest::validate(text), in_full = ingest::validate_in_full(text);
  MUST(judged.index() == in_full.index());
  if (const auto* item = std::get_if<ingest::Item>(&judged)) {
    const auto& other = std::get<ingest::Item>(in_full);
    MUST(item->json == other.json && item->device_id == other.device_id &&
         item->timestamp == other.timestamp);
    auto object = parse_json_object(item->json);
    MUST(object);
    MUST(dynamodb::check_item(*object) || item->json.size() > 300 * 1024);
    MUST(text_of(object->at("device_id").as_object(), "S") == item->device_id &&
         !item->device_id.empty());
    MUST(ingest::utc_timestamp(item->timestamp) == item->timestamp);
  } else {
    MUST(!std::get<ingest::Rejection>(judged).code.empty());
  }
  const auto number = parse_json(text);  // is_exact_number is asked about the text of a JSON number
  const bool bare = text.find_first_of(" \t\r\n") == text.npos;
  if (number && number->is_number() && bare && ingest::is_exact_number(text))
    MUST(dynamodb::canonical_number(text));
  return 0;
}
