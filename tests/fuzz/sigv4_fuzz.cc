// SPDX-License-Identifier: Apache-2.0
// What a stranger claims about his signature, and the framings of a payload.
#include "fuzz.h"
#include "base/bytes.h"
#include "request/sigv4.h"

using namespace sluice;
namespace {
constexpr Service kS3{"s3", "s3.amazonaws.com", Protocol::rest_xml, "", "", {}, ""},
    kKms{"kms", "kms.amazonaws.com", Protocol::json11, "TrentService", "", {}, ""};
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
std::string drained(const Request& request, const sigv4::Claim& claim, const Secret& key,
                    std::string_view body, size_t step) {
  Piecewise raw(body, step);
  const auto payload = sigv4::verified_payload(raw, request, claim, key);
  if (!payload) return "refused " + payload.error().code;
  std::string out;
  char buffer[777];
  for (;;) {
    const auto got = (*payload)->read(buffer, sizeof buffer);
    if (!got) return "refused";
    if (!*got) break;
    out.append(buffer, *got);
  }
  if (const Headers* trailers = (*payload)->trailers())
    for (const auto& [name, value] : trailers->list) out += "\n" + name + ":" + value;
  return out;
}
}  // namespace

// Target, then header lines, an empty line, the body.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto rest = fuzz::text(data, size);
  auto head = fuzz::take(rest, "\n\n");
  Request request;
  request.method = "PUT";
  request.target = fuzz::take(head, "\n");
  const size_t mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  if (mark != std::string::npos) request.raw_query = request.target.substr(mark + 1);
  for (const auto part : split(request.raw_query, '&')) {
    const size_t equals = part.find('=');
    request.query.emplace_back(
        part.substr(0, equals),
        equals == part.npos ? "" : percent_decode(part.substr(equals + 1), true).value_or(""));
  }
  while (!head.empty()) {
    auto line = fuzz::take(head, "\n");
    const auto name = fuzz::take(line, ":");
    request.headers.add(lower(name), std::string(trim(line)));
  }
  const Secret key("a signing key of 32 bytes, or so.");
  for (const Service* service : {&kS3, &kKms}) {
    auto claim = sigv4::parse(request, *service);
    if (!claim) continue;
    (void)sigv4::string_to_sign(
        *claim, sigv4::canonical_request(request, *claim, "UNSIGNED-PAYLOAD", service == &kS3));
    MUST(drained(request, *claim, key, rest, 1) ==
         drained(request, *claim, key, rest, 4096));  // no piece boundary is special
  }
  return 0;
}
