// SPDX-License-Identifier: Apache-2.0
#pragma once
// The operations on layers: their versions, and the policy of each. Source: Lambda Developer Guide,
// "Managing Lambda dependencies with layers"; Lambda quotas.
//
//   constexpr auto rows = table<PublishLayerVersion, GetLayerVersion, ListLayers>();   // invoke.cc
#include "services/lambda/layers.h"

namespace sluice::lambda {

struct LayerIn : LayerName {
  json::object body;
  std::string statement, revision;  // of a policy
  PageIn page;
  std::string runtime, architecture;  // that a list is to be compatible with
};
// The {LayerName} and the {VersionNumber} of a path, and what else a request may have.
Result<LayerIn> parse_layer_in(const Request& request);
// Errors: ResourceNotFoundException when an ARN names another Region or account.
Result<Done> check_layer_place(const LayerName& layer, const Scope& scope);
json::value audit_layer(const Request& request);

// An operation on a version of a layer.
template <class Self>
struct OnLayerVersion {
  using In = LayerIn;
  using Out = JsonOut;
  static Result<In> parse(const Request& request) { return parse_layer_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    CHECK(check_layer_place(in, s.scope()));
    return std::vector<Need>{
        layer_need(Self::action, layer_version_arn(s.scope(), in.name, in.number), s)};
  }
  static Response render(const Out& out) { return render_out(out); }
  static json::value audit(const Request& request) { return audit_layer(request); }
  static json::value audit_result(const Out& out) { return shown_answer(out.body); }
};
#define SLUICE_LAYER_OPERATION(operation, verb, rest, state)                            \
  struct operation : OnLayerVersion<operation> {                                        \
    static constexpr std::string_view name = #operation, action = "lambda:" #operation; \
    static constexpr Match match{                                                       \
        verb, "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}" rest, "", ""};  \
    static Result<Out> run(const Authorized<In>& in, state);                            \
  }
SLUICE_LAYER_OPERATION(GetLayerVersion, "GET", "", const Snapshot& snapshot);
SLUICE_LAYER_OPERATION(DeleteLayerVersion, "DELETE", "", Staged& staged);
SLUICE_LAYER_OPERATION(GetLayerVersionPolicy, "GET", "/policy", const Snapshot& snapshot);
SLUICE_LAYER_OPERATION(AddLayerVersionPermission, "POST", "/policy", Staged& staged);
SLUICE_LAYER_OPERATION(RemoveLayerVersionPermission, "DELETE", "/policy/{StatementId}",
                       Staged& staged);

struct GetLayerVersionByArn : OnLayerVersion<GetLayerVersionByArn> {
  static constexpr std::string_view name = "GetLayerVersionByArn",
                                    action = "lambda:GetLayerVersion";
  static constexpr Match match{"GET", "/2018-10-31/layers", "find=LayerVersion", ""};
  static Result<In> parse(const Request& request);
  static json::value audit(const Request& request) { return shown_fields(request, {"Arn"}); }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
// GET of a layer's package by the URL that GetLayerVersion gives (services/lambda/code.h).
struct GetLayerVersionContent : OnLayerVersion<GetLayerVersionContent> {
  static constexpr std::string_view name = "GetLayerVersionContent",
                                    action = "lambda:GetLayerVersion";
  static constexpr Match match{
      "GET", "/2018-10-31/layers/{LayerName}/versions/{VersionNumber}/content", "", ""};
  using Out = Response;
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out) { return out; }
};

struct PublishLayerVersion : OnLayerVersion<PublishLayerVersion> {
  static constexpr std::string_view name = "PublishLayerVersion",
                                    action = "lambda:PublishLayerVersion";
  static constexpr Match match{"POST", "/2018-10-31/layers/{LayerName}/versions", "", ""};
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    CHECK(check_layer_place(in, s.scope()));
    return std::vector<Need>{{std::string(action), layer_arn(s.scope(), in.name), {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  // Without the URL of the package, which holds a session's token.
  static json::value audit_result(const Out& out);
};
struct ListLayerVersions : OnLayerVersion<ListLayerVersions> {
  static constexpr std::string_view name = "ListLayerVersions", action = "lambda:ListLayerVersions";
  static constexpr Match match{"GET", "/2018-10-31/layers/{LayerName}/versions", "", ""};
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    CHECK(check_layer_place(in, s.scope()));
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
struct ListLayers : OnLayerVersion<ListLayers> {
  static constexpr std::string_view name = "ListLayers", action = "lambda:ListLayers";
  static constexpr Match match{"GET", "/2018-10-31/layers", "", ""};
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};

}  // namespace sluice::lambda
