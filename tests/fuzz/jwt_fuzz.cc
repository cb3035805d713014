// SPDX-License-Identifier: Apache-2.0
// Tokens and key sets of identity providers: whatever they hold, reading them ends, and what no
// registered key has signed is refused.
#include "fuzz.h"
#include "services/sts/jwt.h"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto rest = fuzz::text(data, size);
  const auto token = fuzz::take(rest, "\n");
  const auto keys = sts::parse_jwks(rest);
  if (keys) MUST(!keys->empty() && keys->size() <= sts::kJwksKeysMax);
  const auto parsed = sts::parse_jwt(token);
  if (!parsed) return 0;
  MUST(!parsed->signature.empty() && parsed->signed_text.size() < token.size());
  (void)parsed->audiences();
  (void)sts::check_times(*parsed, 1767225600000);
  MUST(!sts::verify_jwt(*parsed, {}));
  if (keys) (void)sts::verify_jwt(*parsed, *keys);
  return 0;
}
