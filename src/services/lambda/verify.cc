// SPDX-License-Identifier: Apache-2.0
// sluice verify: the code of every function is opened.
#include "base/bytes.h"
#include "services/lambda/environment.h"

namespace sluice::lambda {

void verify(const Ports& ports, Verification& found) {
  const Snapshot snapshot = ports.store->snapshot();
  snapshot.scan(
      schema::prefix(Family::meta, "lambda.function", {}), "", false,
      [&](std::string_view key, std::string_view) {
        const std::string name = schema::parts(key).at(0);
        const auto function = view_function(snapshot, name);
        if (!function) return true;
        found.files.insert(function->blob);
        const auto data_key =
            ports.data_keys->unwrap(unbase64(function->wrapped).value_or(""),
                                    code_context(snapshot.scope(), name), snapshot);
        found.judge(
            "code of function " + name,
            data_key ? open_every_seal(
                           *ports.store,
                           {function->blob, static_cast<uint64_t>(function->code_bytes)}, *data_key)
                     : Result<Done>(data_key.error()));
        return true;
      });
}

}  // namespace sluice::lambda
