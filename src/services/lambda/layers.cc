// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/layers.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"

namespace sluice::lambda {
namespace {
constexpr size_t kLayerNameBytesMax = 140;

Error no_such_layer(const std::string& arn) {
  return invalid("Layer version " + arn + " does not exist.");
}
bool is_in(const std::vector<std::string>& arns, const std::string& arn) {
  return std::ranges::find(arns, arn) != arns.end();
}
// The key of what a checked ARN names.
Result<RecordKey<LayerVersion>> key_of(const std::string& arn, const Scope& scope) {
  TRY(const LayerName layer, layer_name_of(arn));
  if (layer.region != scope.region || layer.account != scope.account_id)
    return no_such_layer(arn + " of this account and Region");
  return layer_version_key(layer.name, layer.number);
}
}  // namespace

std::string layer_arn(const Scope& scope, std::string_view layer) {
  return make_arn(scope, "lambda", "layer:" + std::string(layer));
}
std::string layer_version_arn(const Scope& scope, std::string_view layer, int64_t number) {
  return layer_arn(scope, layer) + ":" + std::to_string(number);
}
json::object layer_context(const Scope& scope, const LayerVersion& layer) {
  return {{"aws:lambda:LayerVersionArn", layer_version_arn(scope, layer.layer, layer.number)}};
}

Result<LayerName> layer_name_of(std::string_view reference) {
  const Error bad{400,
                  "ValidationException",
                  "1 validation error detected: Value '" + std::string(reference.substr(0, 200)) +
                      "' at 'layerName' failed to satisfy constraint: Member must satisfy regular "
                      "expression pattern: (arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:"
                      "[a-zA-Z0-9-_]+(:[0-9]+)?)|[a-zA-Z0-9-_]+",
                  {}};
  LayerName out{std::string(reference)};
  if (const auto arn = parse_arn(reference); arn && arn->service == "lambda") {
    // A policy may deny the layer by its ARN: there is one spelling of that.
    if (arn->partition != "aws" || !arn->resource.starts_with("layer:")) return bad;
    out.region = arn->region;
    out.account = arn->account_id;
    out.name = arn->resource.substr(6);
    if (const size_t colon = out.name.find(':'); colon != std::string::npos) {
      const std::string number = out.name.substr(colon + 1);
      if (!is_number(number)) return bad;
      out.number = *parse_int(number);
      out.name.resize(colon);
    }
  }
  if (out.name.empty() || out.name.size() > kLayerNameBytesMax ||
      out.name.find_first_not_of(
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != std::string::npos)
    return bad;
  return out;
}

std::shared_ptr<const LayerVersion> find_layer(const Snapshot& snapshot, std::string_view arn) {
  const auto key = key_of(std::string(arn), snapshot.scope());
  return key ? snapshot.get(*key) : nullptr;
}

Result<std::vector<std::string>> layers_of(const json::object& body) {
  TRY(std::vector<std::string> arns, Fields(body).texts("Layers"));
  if (arns.size() > kLayersMax)
    return invalid("Cannot reference more than " + std::to_string(kLayersMax) + " layers.");
  std::map<std::string, std::string> seen;
  for (const std::string& arn : arns) {
    TRY(const LayerName layer, layer_name_of(arn));
    if (!layer.number)
      return Error{400,
                   "ValidationException",
                   "1 validation error detected: Value '" + arn.substr(0, 200) +
                       "' at 'layers' failed to satisfy constraint: it must be the ARN of a "
                       "version of a layer.",
                   {}};
    const auto [other, first] = seen.emplace(layer.name, arn);
    if (!first)
      return invalid(
          "Two different versions of the same layer are not allowed to be referenced in "
          "the same function. " +
          other->second + " and " + arn + ".");
  }
  return arns;
}

Need layer_need(std::string_view action, const std::string& arn, const Snapshot& snapshot) {
  Need need{std::string(action), arn, {}, {}, ""};
  const auto layer = find_layer(snapshot, arn);
  if (!layer) return need;
  if (const auto stored = snapshot.get(layer_policy_key(layer->layer, layer->number)))
    need.policies = stored->policy.on(arn);
  return need;
}

json::array shown_layers(const std::vector<std::string>& arns, const Snapshot& snapshot) {
  json::array shown;
  for (const std::string& arn : arns) {
    const auto layer = find_layer(snapshot, arn);
    shown.push_back(json::object{{"Arn", arn}, {"CodeSize", layer ? layer->code_bytes : 0}});
  }
  return shown;
}

Result<Done> hold_layers(Staged& staged, const std::vector<std::string>& after,
                         const std::vector<std::string>& before, LayerUse use) {
  for (const std::string& arn : after) {
    if (is_in(before, arn)) continue;
    TRY(const auto key, key_of(arn, staged.snapshot().scope()));
    auto layer = staged.get(key);
    if (!layer || (layer->deleted && use == LayerUse::added)) return no_such_layer(arn);
    if (!layer->extension.empty() && use == LayerUse::added)
      return invalid("Layer version " + arn + " holds " + layer->extension.substr(0, 100) +
                     ": extensions are not implemented by Sluice yet.");
    ++layer->users;
    staged.put(key, *layer);
  }
  std::vector<std::string> gone;
  for (const std::string& arn : before)
    if (!is_in(after, arn)) gone.push_back(arn);
  return let_layers_go(staged, gone);
}

Result<Done> let_layers_go(Staged& staged, const std::vector<std::string>& arns) {
  for (const std::string& arn : arns) {
    TRY(const auto key, key_of(arn, staged.snapshot().scope()));
    auto layer = staged.get(key);
    if (!layer) continue;
    --layer->users;
    if (layer->users > 0 || !layer->deleted) {
      staged.put(key, *layer);
      continue;
    }
    staged.release(layer->code());
    staged.erase(key);
  }
  return Done{};
}

Result<Done> check_whole_size(const Function& function, const Snapshot& snapshot) {
  int64_t bytes = function.unpacked_bytes;
  for (const std::string& arn : function.layers)
    if (const auto layer = find_layer(snapshot, arn)) bytes += layer->unpacked_bytes;
  if (!function.layers.empty() && bytes > static_cast<int64_t>(kUnzippedBytesMax))
    return invalid("Function code combined with layers exceeds the maximum allowed size of " +
                   std::to_string(kUnzippedBytesMax) + " bytes. The actual size is " +
                   std::to_string(bytes) + " bytes.");
  return Done{};
}

}  // namespace sluice::lambda
