// SPDX-License-Identifier: Apache-2.0
// Text forms of bytes, dates and ARNs: what decodes must encode back.
#include "base/arn.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "fuzz.h"

using namespace sluice;
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = fuzz::text(data, size);
  MUST(unhex(hex(text)) == text);
  MUST(unbase64(base64(text)) == text);
  MUST(unbase64url(base64url(text)) == text);
  MUST(percent_decode(percent_encode(text)) == text);
  if (const auto bytes = unbase64(text)) MUST(base64(*bytes) == text);
  if (const auto bytes = unhex(text)) MUST(hex(*bytes) == lower(text));
  (void)unbase64url(text);
  (void)percent_decode(text, true);
  (void)is_utf8(text);
  (void)trim(text);
  MUST(equals_ignore_case(text, lower(text)));
  if (const auto number = parse_int(text)) MUST(parse_int(std::to_string(*number)) == number);
  if (const auto arn = parse_arn(text)) MUST(arn->text() == text);
  if (const auto time = parse_iso(text)) MUST(parse_iso(iso_millis(*time)) == time);
  if (const auto time = parse_basic_date(text))
    MUST(parse_basic_date(basic_date(*time)) == time);  // second 60 is the next minute's 0
  if (const auto time = parse_http_date(text)) MUST(parse_http_date(http_date(*time)) == time);
  return 0;
}
