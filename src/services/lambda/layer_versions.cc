// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/layer_versions.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/random.h"
#include "services/lambda/statements.h"

namespace sluice::lambda {
namespace {
constexpr size_t kLicenseBytesMax = 512, kRuntimesMax = 15;

Error no_such_resource() {
  return {404, "ResourceNotFoundException", "The resource you requested does not exist.", {}};
}
bool is_there(const std::shared_ptr<const LayerVersion>& layer) { return layer && !layer->deleted; }
std::string shown_time(Time time) {
  std::string text = iso_millis(time);
  return text.replace(text.size() - 1, 1, "+0000");
}
json::array shown_texts(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

// What a list shows of a version.
json::object shown_item(const LayerVersion& layer, const Scope& scope) {
  json::object out{{"LayerVersionArn", layer_version_arn(scope, layer.layer, layer.number)},
                   {"Version", layer.number},
                   {"Description", layer.description},
                   {"CreatedDate", shown_time(layer.created)}};
  if (!layer.runtimes.empty()) out["CompatibleRuntimes"] = shown_texts(layer.runtimes);
  if (!layer.architectures.empty())
    out["CompatibleArchitectures"] = shown_texts(layer.architectures);
  if (!layer.license.empty()) out["LicenseInfo"] = layer.license;
  return out;
}
json::object shown_version(const LayerVersion& layer, const Scope& scope, const PackageCall& call) {
  json::object out = shown_item(layer, scope);
  out["LayerArn"] = layer_arn(scope, layer.layer);
  json::object content{{"CodeSha256", layer.code_sha256}, {"CodeSize", layer.code_bytes}};
  const std::string url = location_of("/2018-10-31/layers/" + layer.layer + "/versions/" +
                                          std::to_string(layer.number) + "/content",
                                      call);
  if (!url.empty()) content["Location"] = url;
  out["Content"] = std::move(content);
  return out;
}

bool is_compatible(const LayerVersion& layer, const LayerIn& in) {
  const auto has = [](const std::vector<std::string>& texts, const std::string& wanted) {
    return wanted.empty() || std::ranges::find(texts, wanted) != texts.end();
  };
  return !layer.deleted && has(layer.runtimes, in.runtime) &&
         has(layer.architectures, in.architecture);
}

Result<JsonOut> show_layer(const Authorized<LayerIn>& in, const Snapshot& snapshot) {
  const auto layer = snapshot.get(layer_version_key(in->name, in->number));
  if (!is_there(layer)) return no_such_resource();
  return JsonOut{200, shown_version(*layer, snapshot.scope(), PackageCall(in))};
}

// The settings of PublishLayerVersion.
Result<LayerVersion> settings_of(const LayerIn& in) {
  const Fields fields(in.body);
  LayerVersion layer{.layer = in.name};
  TRY(const auto description, fields.text("Description"));
  TRY(const auto license, fields.text("LicenseInfo"));
  TRY(layer.runtimes, fields.texts("CompatibleRuntimes"));
  TRY(layer.architectures, fields.texts("CompatibleArchitectures"));
  layer.description = description.value_or("");
  layer.license = license.value_or("");
  if (layer.description.size() > 256) return invalid("Description must be at most 256 characters.");
  if (layer.license.size() > kLicenseBytesMax)
    return invalid("LicenseInfo must be at most 512 characters.");
  if (layer.runtimes.size() > kRuntimesMax)
    return invalid("CompatibleRuntimes must be at most 15 runtimes.");
  for (const std::string& runtime : layer.runtimes)
    if (runtime.empty() || runtime.size() > 32 ||
        runtime.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.") != std::string::npos)
      return invalid("Value '" + runtime.substr(0, 50) +
                     "' at 'compatibleRuntimes' is not the name of a runtime.");
  for (const std::string& one : layer.architectures)
    if (one != "x86_64" && one != "arm64")
      return invalid("Value '" + one.substr(0, 50) +
                     "' at 'compatibleArchitectures' must be x86_64 or arm64.");
  if (layer.architectures.size() > 2)
    return invalid("CompatibleArchitectures must be at most 2 architectures.");
  return layer;
}
}  // namespace

Result<LayerIn> parse_layer_in(const Request& request) {
  LayerIn in;
  if (const std::string name = request.param("LayerName"); !name.empty()) {
    TRY(static_cast<LayerName&>(in), layer_name_of(name));
    in.number = 0;
  }
  if (const std::string number = request.param("VersionNumber"); !number.empty()) {
    if (!is_number(number)) return invalid("Layer Version Cannot be less than 1");
    in.number = *parse_int(number);
  }
  TRY(in.page, parse_page(request));
  in.statement = request.param("StatementId");
  in.revision = request.query_text("RevisionId");
  in.runtime = request.query_text("CompatibleRuntime");
  in.architecture = request.query_text("CompatibleArchitecture");
  if (request.method != "POST") return in;
  TRY(in.body, parse_body(request));
  return in;
}
Result<Done> check_layer_place(const LayerName& layer, const Scope& scope) {
  if ((layer.region.empty() || layer.region == scope.region) &&
      (layer.account.empty() || layer.account == scope.account_id))
    return Done{};
  return no_such_resource();
}
json::value audit_layer(const Request& request) {
  json::value shown = shown_body(request);
  if (!shown.is_object()) shown.emplace_object();
  json::object& out = shown.as_object();
  hide_package(out, "content");
  const json::value query = shown_fields(
      request, {"CompatibleRuntime", "CompatibleArchitecture", "Marker", "MaxItems", "RevisionId"});
  if (query.is_object())
    for (const auto& [name, value] : query.get_object()) out[name] = value;
  for (const auto& [name, shown_as] :
       {std::pair{"LayerName", "layerName"}, std::pair{"StatementId", "statementId"}})
    if (const std::string text = request.param(name); !text.empty()) out[shown_as] = text;
  if (const auto number = parse_int(request.param("VersionNumber"))) out["versionNumber"] = *number;
  return out.empty() ? json::value() : shown;
}

Result<JsonOut> GetLayerVersion::run(const Authorized<In>& in, const Snapshot& snapshot) {
  return show_layer(in, snapshot);
}
Result<LayerIn> GetLayerVersionByArn::parse(const Request& request) {
  LayerIn in;
  const std::string arn = request.query_text("Arn");
  TRY(static_cast<LayerName&>(in), layer_name_of(arn));
  if (!in.number) return invalid("Arn must be the ARN of a version of a layer.");
  return in;
}
Result<JsonOut> GetLayerVersionByArn::run(const Authorized<In>& in, const Snapshot& snapshot) {
  return show_layer(in, snapshot);
}
Result<Response> GetLayerVersionContent::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const auto layer = snapshot.get(layer_version_key(in->name, in->number));
  if (!is_there(layer)) return no_such_resource();
  return send_package(code_of(*layer), layer_context(snapshot.scope(), *layer), in.ports(),
                      snapshot);
}

Result<JsonOut> PublishLayerVersion::run(const Authorized<In>& in, Staged& staged) {
  const Scope& scope = staged.snapshot().scope();
  TRY(LayerVersion layer, settings_of(*in));
  TRY(const json::object* content, Fields(in->body).object("Content"));
  if (!content) return invalid("Please provide a source for the layer's content.");
  TRY(const Package package, read_package(*content, name, PackageCall(in)));
  Layer counted = staged.get(layer_key(in->name)).value_or(Layer{});
  layer.number = ++counted.last;
  TRY(const SealedCode sealed,
      seal_package(package, layer_context(scope, layer), in.ports(), staged));
  layer.blob = sealed.blob;
  layer.wrapped = sealed.wrapped;
  layer.code_bytes = sealed.bytes;
  layer.code_sha256 = package.sha256;
  layer.unpacked_bytes = static_cast<int64_t>(package.facts.unpacked_bytes);
  layer.extension = package.facts.extension;
  layer.created = in.time();
  staged.put(layer_key(in->name), counted);
  staged.put(layer_version_key(in->name, layer.number), layer);
  return JsonOut{201, shown_version(layer, scope, PackageCall(in))};
}
json::value PublishLayerVersion::audit_result(const Out& out) {
  json::object body = out.body;
  if (json::value* content = body.if_contains("Content")) content->as_object().erase("Location");
  return shown_answer(body);
}

Result<JsonOut> DeleteLayerVersion::run(const Authorized<In>& in, Staged& staged) {
  const auto key = layer_version_key(in->name, in->number);
  auto layer = staged.get(key);
  if (!layer || layer->deleted) return JsonOut{204, {}};  // as on AWS
  staged.erase(layer_policy_key(in->name, in->number));
  if (layer->users > 0) {
    layer->deleted = true;
    staged.put(key, *layer);
    return JsonOut{204, {}};
  }
  staged.release(layer->code());
  staged.erase(key);
  return JsonOut{204, {}};
}

// The newest comes first. The marker is the number that was listed last.
Result<JsonOut> ListLayerVersions::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const std::string& marker = in->page.marker;
  if (!marker.empty() && !is_number(marker)) return invalid("Invalid marker.");
  const int64_t before = marker.empty() ? INT64_MAX : *parse_int(marker);
  json::array versions;
  std::string next;
  int64_t last = 0;
  snapshot.scan(RecordPrefix<LayerVersion>{in->name}, "", true,
                [&](std::string_view, const LayerVersion& layer) {
                  if (layer.number >= before || !is_compatible(layer, *in)) return true;
                  if (versions.size() == static_cast<size_t>(in->page.max)) {
                    next = std::to_string(last);
                    return false;
                  }
                  versions.push_back(shown_item(layer, snapshot.scope()));
                  last = layer.number;
                  return true;
                });
  JsonOut out{200, {{"LayerVersions", std::move(versions)}}};
  if (!next.empty()) out.body["NextMarker"] = next;
  return out;
}

// Each layer with the newest of its versions that fits. The marker is the layer that was listed
// last.
Result<JsonOut> ListLayers::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const Scope& scope = snapshot.scope();
  const std::string& marker = in->page.marker;
  json::array layers;
  std::string last, next;
  const auto newest = [&](const std::string& name) {
    std::optional<json::object> found;
    snapshot.scan(RecordPrefix<LayerVersion>{name}, "", true,
                  [&](std::string_view, const LayerVersion& layer) {
                    if (!is_compatible(layer, *in)) return true;
                    found = shown_item(layer, scope);
                    return false;
                  });
    return found;
  };
  snapshot.scan(RecordPrefix<Layer>{}, marker.empty() ? "" : layer_key(marker).bytes, false,
                [&](std::string_view key, const Layer&) {
                  const std::string name = schema::parts(key).back();
                  if (name == marker) return true;
                  auto version = newest(name);
                  if (!version) return true;
                  if (layers.size() == static_cast<size_t>(in->page.max)) {
                    next = last;
                    return false;
                  }
                  layers.push_back(json::object{{"LayerName", name},
                                                {"LayerArn", layer_arn(scope, name)},
                                                {"LatestMatchingVersion", *std::move(version)}});
                  last = name;
                  return true;
                });
  JsonOut out{200, {{"Layers", std::move(layers)}}};
  if (!next.empty()) out.body["NextMarker"] = next;
  return out;
}

Result<JsonOut> GetLayerVersionPolicy::run(const Authorized<In>& in, const Snapshot& snapshot) {
  if (!is_there(snapshot.get(layer_version_key(in->name, in->number)))) return no_such_resource();
  const auto stored = snapshot.get(layer_policy_key(in->name, in->number));
  if (!stored)
    return Error{
        404, "ResourceNotFoundException", "No policy is associated with the given resource.", {}};
  return JsonOut{200, {{"Policy", stored->policy.text()}, {"RevisionId", stored->revision}}};
}
Result<JsonOut> AddLayerVersionPermission::run(const Authorized<In>& in, Staged& staged) {
  const auto layer = staged.look(layer_version_key(in->name, in->number));
  if (!is_there(layer)) return no_such_resource();
  const Fields fields(in->body);
  TRY(const std::string action_asked, fields.required_text("Action"));
  TRY(const std::string principal, fields.required_text("Principal"));
  if (action_asked != "lambda:GetLayerVersion")
    return Error{400,
                 "ValidationException",
                 "1 validation error detected: Value '" + action_asked.substr(0, 100) +
                     "' at 'action' failed to satisfy constraint: Member must satisfy regular "
                     "expression pattern: lambda:GetLayerVersion",
                 {}};
  if (fields.find("OrganizationId"))
    return invalid("OrganizationId is not implemented by Sluice yet.");
  TRY(const std::string sid, statement_id_of(in->body));
  Permission statement{
      .sid = sid,
      .effect = "Allow",
      .action = action_asked,
      .resource = layer_version_arn(staged.snapshot().scope(), in->name, in->number)};
  if (principal == "*")
    statement.principal = "*";
  else if (const auto account = account_principal(principal))
    statement.principal = *account;
  else
    return invalid("The provided principal was invalid. Please check the principal and try again.");
  const auto key = layer_policy_key(in->name, in->number);
  LayerPolicy policy = staged.get(key).value_or(LayerPolicy{});
  CHECK(add_statement(policy, statement, in->revision));
  staged.put(key, policy);
  return JsonOut{
      201,
      {{"Statement", json::serialize(members_of(statement))}, {"RevisionId", policy.revision}}};
}
Result<JsonOut> RemoveLayerVersionPermission::run(const Authorized<In>& in, Staged& staged) {
  if (!is_there(staged.look(layer_version_key(in->name, in->number)))) return no_such_resource();
  const auto key = layer_policy_key(in->name, in->number);
  LayerPolicy policy = staged.get(key).value_or(LayerPolicy{});
  CHECK(remove_statement(policy, in->statement, in->revision));
  if (policy.statements.empty())
    staged.erase(key);
  else
    staged.put(key, policy);
  return JsonOut{204, {}};
}

}  // namespace sluice::lambda
