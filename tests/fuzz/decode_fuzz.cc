// SPDX-License-Identifier: Apache-2.0
// The function's reading of an object: gzip and the cutting into records. No piece boundary is
// special, and nothing is lost or made up.
#include "base/gzip.h"
#include "fuzz.h"
#include "ingest/decode.h"

using namespace sluice;
namespace {
std::string decoded(std::string_view bytes, size_t step) {
  std::string out;
  uint64_t index = 0;
  ingest::Splitter splitter([&](ingest::Record&& r) -> Result<Done> {
    MUST(r.index == index++);
    MUST(r.text.size() <= ingest::kRecordBytesMax);
    out +=
        std::to_string(r.offset) + (r.broken ? std::string("!") + r.broken : ":" + r.text) + "\n";
    return Done{};
  });
  uint64_t plain = 0;
  Inflater inflater([&](std::string_view piece) -> Result<Done> {
    if ((plain += piece.size()) > (1 << 20))
      return Error{400, "Enough", "", {}};  // the fuzzer's time, not the function's limit
    return splitter.write(piece);
  });
  for (size_t at = 0; at < bytes.size(); at += step)
    if (auto done = inflater.write(bytes.substr(at, step)); !done)
      return done.error().code == "Enough" ? "" : out + done.error().code;
  if (auto done = inflater.finish(); !done)
    return done.error().code == "Enough" ? "" : out + done.error().code;
  MUST(splitter.finish());
  return out;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = fuzz::text(data, size);
  const std::string whole = decoded(bytes, size + 1), pieces = decoded(bytes, 3);
  if (!whole.empty() && !pieces.empty()) MUST(whole == pieces || whole.ends_with("MalformedGzip"));
  return 0;
}
