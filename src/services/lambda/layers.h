// SPDX-License-Identifier: Apache-2.0
#pragma once
// Layers as functions use them: which ones a request names, what they need, who holds them.
//
//   TRY(function.layers, layers_of(in->body));
//   CHECK(hold_layers(staged, function.layers));
//   CHECK(check_whole_size(function, staged.snapshot()));
#include "services/lambda/code.h"

namespace sluice::lambda {

constexpr size_t kLayersMax = 5;  // of a function

struct LayerName {
  std::string name;
  int64_t number = 0;                     // 0: the layer, not a version
  std::string region = {}, account = {};  // "" when they were not given
};
std::string layer_arn(const Scope& scope, std::string_view layer);
std::string layer_version_arn(const Scope& scope, std::string_view layer, int64_t number);
// "arn:...:layer:name:3", "arn:...:layer:name" or "name". Errors: ValidationException.
Result<LayerName> layer_name_of(std::string_view reference);
// nullptr: there is none with this ARN, or it is another server's. It may be a deleted one.
std::shared_ptr<const LayerVersion> find_layer(const Snapshot& snapshot, std::string_view arn);
// The encryption context of its data key.
json::object layer_context(const Scope& scope, const LayerVersion& layer);
inline SealedCode code_of(const LayerVersion& l) { return {l.blob, l.wrapped, l.code_bytes}; }

// The ARNs in "Layers" of a body. Errors: ValidationException, InvalidParameterValueException.
Result<std::vector<std::string>> layers_of(const json::object& body);
// A need on a version of a layer, with its policy.
Need layer_need(std::string_view action, const std::string& arn, const Snapshot& snapshot);
// [{Arn, CodeSize}]
json::array shown_layers(const std::vector<std::string>& arns, const Snapshot& snapshot);

// `added`: they must be there, and runnable. `kept`: a version takes over what $LATEST has.
enum class LayerUse { added, kept };
// A function has these layers now, and had `before`. Errors: InvalidParameterValueException.
Result<Done> hold_layers(Staged& staged, const std::vector<std::string>& after,
                         const std::vector<std::string>& before = {},
                         LayerUse use = LayerUse::added);
// One that has been deleted goes with the last of its users.
Result<Done> let_layers_go(Staged& staged, const std::vector<std::string>& arns);
// Errors: InvalidParameterValueException when code and layers are too large together.
Result<Done> check_whole_size(const Function& function, const Snapshot& snapshot);

}  // namespace sluice::lambda
