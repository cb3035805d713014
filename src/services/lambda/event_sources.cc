// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/event_sources.h"

namespace sluice::lambda {
namespace {
Error no_such_mapping() {
  return {404, "ResourceNotFoundException", "The resource you requested does not exist.", {}};
}
}  // namespace

Result<MappingIn> parse_mapping_in(const Request& request) {
  MappingIn in{request.param("UUID"), {}};
  if (request.method == "POST" || request.method == "PUT") {
    CHECK(parse_body(request));
    in.shown = shown_body(request);
  }
  CHECK(parse_page(request));
  if (in.uuid.size() > 36) return invalid("UUID must be at most 36 characters.");
  const json::value query =
      shown_fields(request, {"EventSourceArn", "FunctionName", "Marker", "MaxItems"});
  if (query.is_object()) in.shown = query;
  if (in.uuid.empty()) return in;
  if (!in.shown.is_object()) in.shown.emplace_object();
  in.shown.as_object()["uUID"] = in.uuid;
  return in;
}

Result<JsonOut> ListEventSourceMappings::run(const Authorized<In>&, const Snapshot&) {
  return JsonOut{200, {{"EventSourceMappings", json::array{}}}};
}
Result<JsonOut> CreateEventSourceMapping::run(const Authorized<In>&, Staged&) {
  return invalid(
      "Sluice has no event sources for Lambda yet: neither DynamoDB streams nor queues. A bucket's "
      "notifications call a function.");
}
Result<JsonOut> GetEventSourceMapping::run(const Authorized<In>&, const Snapshot&) {
  return no_such_mapping();
}
Result<JsonOut> UpdateEventSourceMapping::run(const Authorized<In>&, Staged&) {
  return no_such_mapping();
}
Result<JsonOut> DeleteEventSourceMapping::run(const Authorized<In>&, Staged&) {
  return no_such_mapping();
}

}  // namespace sluice::lambda
