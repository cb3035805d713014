// SPDX-License-Identifier: Apache-2.0
// For `sluice verify`: opens the code of every function.
#include "base/bytes.h"
#include "services/lambda/model.h"

namespace sluice::lambda {

void verify(const Ports& ports, Verification& found) {
  const Snapshot snapshot = ports.store->snapshot();
  snapshot.scan(
      RecordPrefix<Function>{}, "", false, [&](std::string_view, const Function& function) {
        found.files.insert(function.blob);
        const auto data_key =
            ports.data_keys->unwrap(unbase64(function.wrapped).value_or(""),
                                    code_context(snapshot.scope(), function.name), snapshot);
        found.judge("code of function " + function.name,
                    data_key ? open_every_seal(*ports.store, function.code(), *data_key)
                             : Result<Done>(data_key.error()));
        return true;
      });
}

}  // namespace sluice::lambda
