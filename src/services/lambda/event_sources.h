// SPDX-License-Identifier: Apache-2.0
#pragma once
// Event source mappings: a function gets the records of a table's stream, in batches
// (stream_poller.h reads it). Source: Lambda API Reference, CreateEventSourceMapping; Developer
// Guide, "Using AWS Lambda with Amazon DynamoDB".
//
//   const auto mapping = snapshot.get(event_source_key(uuid));
//   if (mapping && mapping->enabled) read_on(*mapping);
//
// Errors: InvalidParameterValueException, ResourceConflictException, ResourceNotFoundException,
// TooManyRequestsException.
#include "services/lambda/model.h"

namespace sluice::lambda {

// Each enabled mapping has a thread that waits for records.
constexpr int64_t kEventSourcesMax = 100;
constexpr int64_t kBatchSizeMax = 10'000, kBatchWindowMaxS = 300, kParallelMax = 10,
                  kSourceRetriesMax = 10'000, kRecordAgeMinS = 60, kRecordAgeMaxS = 604'800;

struct MappingIn {
  std::string uuid;  // "": of no mapping
  json::object body;
  PageIn page;
  std::string stream_arn, function;  // that a list is asked for
  json::value shown;
};
Result<MappingIn> parse_mapping_in(const Request& request);

template <class Self>
struct OnMapping {
  using In = MappingIn;
  using Out = JsonOut;
  static Result<In> parse(const Request& request) { return parse_mapping_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Response render(const Out& out) { return render_out(out); }
  static json::value audit(const In& in) { return in.shown; }
  static json::value audit_result(const Out& out) { return shown_answer(out.body); }
};
#define SLUICE_MAPPING_OPERATION(operation, verb, rest, state)                            \
  struct operation : OnMapping<operation> {                                               \
    static constexpr std::string_view name = #operation, action = "lambda:" #operation;   \
    static constexpr Match match{verb, "/2015-03-31/event-source-mappings" rest, "", ""}; \
    static Result<Out> run(const Authorized<In>& in, state);                              \
  }
SLUICE_MAPPING_OPERATION(CreateEventSourceMapping, "POST", "", Staged& staged);
SLUICE_MAPPING_OPERATION(ListEventSourceMappings, "GET", "", const Snapshot& snapshot);
SLUICE_MAPPING_OPERATION(GetEventSourceMapping, "GET", "/{UUID}", const Snapshot& snapshot);
SLUICE_MAPPING_OPERATION(UpdateEventSourceMapping, "PUT", "/{UUID}", Staged& staged);
SLUICE_MAPPING_OPERATION(DeleteEventSourceMapping, "DELETE", "/{UUID}", Staged& staged);

}  // namespace sluice::lambda
