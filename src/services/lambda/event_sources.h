// SPDX-License-Identifier: Apache-2.0
#pragma once
// Event source mappings, by which Lambda reads queues and streams. There are none, because Sluice
// has neither yet: none can be made, the list is empty, and none is found.
//
//   constexpr auto rows = table<ListEventSourceMappings, CreateEventSourceMapping>();  // invoke.cc
#include "services/lambda/model.h"

namespace sluice::lambda {

struct MappingIn {
  std::string uuid;  // "": of no mapping
  json::value shown;
};
Result<MappingIn> parse_mapping_in(const Request& request);

template <class Self>
struct OnMapping {
  using In = MappingIn;
  using Out = JsonOut;
  static Result<In> parse(const Request& request) { return parse_mapping_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    const std::string arn =
        in.uuid.empty() ? "*" : make_arn(s.scope(), "lambda", "event-source-mapping:" + in.uuid);
    return std::vector<Need>{{std::string(Self::action), arn, {}, {}, ""}};
  }
  static Response render(const Out& out) { return render_out(out); }
  static json::value audit(const In& in) { return in.shown; }
};
#define SLUICE_MAPPING_OPERATION(operation, verb, rest, state)                            \
  struct operation : OnMapping<operation> {                                               \
    static constexpr std::string_view name = #operation, action = "lambda:" #operation;   \
    static constexpr Match match{verb, "/2015-03-31/event-source-mappings" rest, "", ""}; \
    static Result<Out> run(const Authorized<In>& in, state);                              \
  }
SLUICE_MAPPING_OPERATION(ListEventSourceMappings, "GET", "", const Snapshot& snapshot);
SLUICE_MAPPING_OPERATION(GetEventSourceMapping, "GET", "/{UUID}", const Snapshot& snapshot);
SLUICE_MAPPING_OPERATION(UpdateEventSourceMapping, "PUT", "/{UUID}", Staged& staged);
SLUICE_MAPPING_OPERATION(DeleteEventSourceMapping, "DELETE", "/{UUID}", Staged& staged);
struct CreateEventSourceMapping : OnMapping<CreateEventSourceMapping> {
  static constexpr std::string_view name = "CreateEventSourceMapping",
                                    action = "lambda:CreateEventSourceMapping";
  static constexpr Match match{"POST", "/2015-03-31/event-source-mappings", "", ""};
  static constexpr bool refuses = true;
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};

}  // namespace sluice::lambda
