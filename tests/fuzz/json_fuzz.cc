// JSON documents: what parses is printed and parses to the same value.
#include "base/json.h"
#include "fuzz.h"

using namespace sluice;
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = fuzz::text(data, size);
  const auto value = parse_json(text);
  if (value) {
    const auto again = parse_json(json::serialize(*value));
    MUST(again && json::serialize(*again) == json::serialize(*value));
  }
  MUST(!parse_json_strict(text) || value);
  (void)parse_json(text, 2);
  if (const auto object = parse_json_object(text)) {
    const Fields fields(*object);
    for (const char* name : {"a", "b", ""}) {
      (void)fields.text(name);
      (void)fields.integer(name);
      (void)fields.number(name);
      (void)fields.boolean(name);
      (void)fields.object(name);
      (void)fields.array(name);
      (void)fields.texts(name);
      (void)fields.required_text(name);
    }
  }
  return 0;
}
