// SPDX-License-Identifier: Apache-2.0
// For `sluice verify`: opens the code of every function, version and layer.
#include "base/bytes.h"
#include "services/lambda/layers.h"

namespace sluice::lambda {

void verify(const Ports& ports, Verification& found) {
  const Snapshot snapshot = ports.store->snapshot();
  const auto judge = [&](const std::string& what, const SealedCode& code,
                         const json::object& context) {
    found.files.insert(code.blob);
    const auto data_key =
        ports.data_keys->unwrap(unbase64(code.wrapped).value_or(""), context, snapshot);
    found.judge(what, data_key ? open_every_seal(*ports.store, code.ref(), *data_key)
                               : Result<Done>(data_key.error()));
  };
  const auto judge_function = [&](std::string_view, const Function& function) {
    const std::string number = function.version == "$LATEST" ? "" : ":" + function.version;
    judge("code of function " + function.name + number, code_of(function),
          code_context(snapshot.scope(), function.name));
    return true;
  };
  snapshot.scan(RecordPrefix<Function>{}, "", false, judge_function);
  snapshot.scan(RecordPrefix<Version>{}, "", false, judge_function);
  snapshot.scan(RecordPrefix<LayerVersion>{}, "", false,
                [&](std::string_view, const LayerVersion& layer) {
                  judge("layer " + layer.layer + ":" + std::to_string(layer.number), code_of(layer),
                        layer_context(snapshot.scope(), layer));
                  return true;
                });
}

}  // namespace sluice::lambda
