// SPDX-License-Identifier: Apache-2.0
// An upload from an HTML form: however the body is cut into pieces, the same file comes out.
#include "fuzz.h"
#include "request/form.h"

using namespace sluice;
namespace {
class Piecewise : public BodySource {
 public:
  Piecewise(std::string_view bytes, size_t step) : bytes_(bytes), step_(step) {}
  Result<size_t> read(char* into, size_t size) override {
    const size_t n = bytes_.substr(0, std::min(size, step_)).copy(into, size);
    bytes_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view bytes_;
  const size_t step_;
};

std::string uploaded(std::string_view body, size_t step) {
  Request request;
  request.method = "POST";
  request.headers.add("content-type", "multipart/form-data; boundary=b");
  Piecewise raw(body, step);
  const auto form = open_form(request, raw);
  if (!form) return "refused " + form.error().code;
  if (const auto held = check_form_policy(**form, "bucket", 0); !held)
    return "denied " + held.error().message;
  std::string out = (*form)->key + "\n";
  char buffer[777];
  for (;;) {
    const auto got = (*form)->file->read(buffer, sizeof buffer);
    if (!got) return "broken " + got.error().code;
    if (!*got) return out;
    out.append(buffer, *got);
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const std::string whole = uploaded(body, size + 1);
  MUST(uploaded(body, 1) == whole);
  MUST(uploaded(body, 7) == whole);
  return 0;
}
