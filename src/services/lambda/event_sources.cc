// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/event_sources.h"

#include "base/bytes.h"
#include "base/random.h"
#include "services/lambda/event_filter.h"
#include "services/lambda/execution_role.h"

namespace sluice::lambda {
namespace {
Error no_such_mapping() {
  return {404, "ResourceNotFoundException", "The resource you requested does not exist.", {}};
}
Error bad_member(const std::string& shown, const std::string& where, const std::string& rule) {
  return {400,
          "ValidationException",
          "1 validation error detected: Value " + shown + " at '" + where +
              "' failed to satisfy constraint: " + rule,
          {}};
}
Result<Done> read_integer(const json::object& body, const char* member, int64_t least, int64_t most,
                          int64_t& into) {
  TRY(const auto given, Fields(body).integer(member));
  if (!given) return Done{};
  if (*given < least || *given > most) {
    std::string where(member);
    where[0] = static_cast<char>(where[0] | 0x20);
    return bad_member(
        "'" + std::to_string(*given) + "'", where,
        *given < least ? "Member must have value greater than or equal to " + std::to_string(least)
                       : "Member must have value less than or equal to " + std::to_string(most));
  }
  into = *given;
  return Done{};
}
Result<Done> read_boolean(const json::object& body, const char* member, bool& into) {
  TRY(const auto given, Fields(body).boolean(member));
  into = given.value_or(into);
  return Done{};
}
Result<Done> read_filters(const json::object& body, EventSource& mapping) {
  TRY(const json::object* criteria, Fields(body).object("FilterCriteria"));
  if (!criteria) return Done{};
  TRY(const json::array* filters, Fields(*criteria).array("Filters"));
  mapping.filters.clear();
  if (!filters) return Done{};
  if (filters->size() > kFiltersMax)
    return invalid("FilterCriteria can have at most " + std::to_string(kFiltersMax) + " filters.");
  for (const json::value& one : *filters) {
    if (!one.is_object()) return invalid("Invalid filter pattern definition.");
    TRY(const auto pattern, Fields(one.get_object()).text("Pattern"));
    CHECK(EventFilter::parse(pattern.value_or("")));
    mapping.filters.push_back(*pattern);
  }
  return Done{};
}
// What of a mapping is not for the streams of tables.
Result<Done> refuse_others(const json::object& body) {
  for (const char* other :
       {"Topics", "Queues", "SelfManagedEventSource", "SourceAccessConfigurations",
        "AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig",
        "DocumentDBEventSourceConfig", "ScalingConfig", "ProvisionedPollerConfig", "KMSKeyArn",
        "MetricsConfig", "Tags", "StartingPositionTimestamp"}) {
    const json::value* given = Fields(body).find(other);
    const json::array* list = given ? given->if_array() : nullptr;
    const json::object* members = given ? given->if_object() : nullptr;
    if (given && !(list && list->empty()) && !(members && members->empty()))
      return invalid(std::string(other) +
                     " is not implemented by Sluice: an event source is the stream of a table.");
  }
  int64_t tumbling = 0;
  CHECK(read_integer(body, "TumblingWindowInSeconds", 0, 900, tumbling));
  if (tumbling)
    return invalid("TumblingWindowInSeconds is not implemented by Sluice: leave it out, or 0.");
  return Done{};
}
// What CreateEventSourceMapping and UpdateEventSourceMapping have in common.
Result<Done> read_settings(const json::object& body, EventSource& mapping) {
  CHECK(refuse_others(body));
  CHECK(read_integer(body, "BatchSize", 1, kBatchSizeMax, mapping.batch_size));
  CHECK(
      read_integer(body, "MaximumBatchingWindowInSeconds", 0, kBatchWindowMaxS, mapping.window_s));
  CHECK(read_integer(body, "ParallelizationFactor", 1, kParallelMax, mapping.parallel));
  CHECK(read_integer(body, "MaximumRetryAttempts", -1, kSourceRetriesMax, mapping.retries_max));
  CHECK(read_integer(body, "MaximumRecordAgeInSeconds", -1, kRecordAgeMaxS, mapping.age_max_s));
  if (mapping.age_max_s != -1 && mapping.age_max_s < kRecordAgeMinS)
    return invalid("MaximumRecordAgeInSeconds must be -1, or 60 to 604800.");
  CHECK(read_boolean(body, "BisectBatchOnFunctionError", mapping.bisects));
  CHECK(read_boolean(body, "Enabled", mapping.enabled));
  CHECK(read_filters(body, mapping));
  TRY(const json::object* destinations, Fields(body).object("DestinationConfig"));
  if (destinations) {
    TRY(mapping.on_failure, on_failure_of(*destinations));
  }
  TRY(const json::array* types, Fields(body).array("FunctionResponseTypes"));
  if (!types) return Done{};
  if (types->size() > 1 || (types->size() == 1 && types->at(0) != "ReportBatchItemFailures"))
    return bad_member("'" + json::serialize(*types).substr(0, 200) + "'", "functionResponseTypes",
                      "Member must satisfy enum value set: [ReportBatchItemFailures]");
  mapping.reports_failures = !types->empty();
  return Done{};
}

// The function that a mapping is for. Errors: ResourceNotFoundException.
Result<std::shared_ptr<const Function>> target_of(const std::string& reference,
                                                  const Snapshot& snapshot,
                                                  std::string& qualified) {
  TRY(const FunctionName name, function_name_of(std::string_view(reference)));
  CHECK(check_place(name, snapshot.scope()));
  qualified = name.settings();
  return find_function(snapshot, name);
}
// The role of the function must be able to read the stream: else nothing would ever come.
Result<Done> check_role(const Authorized<MappingIn>& in, const Function& function,
                        const std::string& stream_arn, const Snapshot& snapshot) {
  const std::string role_name = function.role.substr(function.role.rfind('/') + 1);
  const auto role = in.ports().identities->role(role_name, snapshot);
  if (!role) return invalid("The role of the function does not exist.");
  constexpr int64_t kCheckS = 900;
  const Caller caller = Gate::role_caller(
      in.ports().sessions->mint(role->arn, role->id, function.name, kCheckS), snapshot.scope());
  for (const char* action : {"GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"}) {
    const std::vector<Need> needs{{std::string("dynamodb:") + action,
                                   std::string(action) == "ListStreams" ? "*" : stream_arn,
                                   {},
                                   {},
                                   ""}};
    if (!Gate::authorize(needs, in.facts(), caller, in.ports(), snapshot))
      return invalid("Cannot access stream " + stream_arn +
                     ". Please ensure the role can perform the GetRecords, GetShardIterator, "
                     "DescribeStream, and ListStreams Actions on your stream in IAM.");
  }
  return Done{};
}

json::object shown_mapping(const EventSource& mapping, const Snapshot& snapshot,
                           const char* state = nullptr) {
  const auto progress = snapshot.get(progress_key(mapping.uuid));
  json::object failure;
  if (!mapping.on_failure.empty()) failure["Destination"] = mapping.on_failure;
  json::array types;
  if (mapping.reports_failures) types.push_back("ReportBatchItemFailures");
  json::object shown{
      {"UUID", mapping.uuid},
      {"StartingPosition", mapping.starting_position},
      {"BatchSize", mapping.batch_size},
      {"MaximumBatchingWindowInSeconds", mapping.window_s},
      {"ParallelizationFactor", mapping.parallel},
      {"EventSourceArn", mapping.stream_arn},
      {"FunctionArn", function_arn(snapshot.scope(), mapping.function)},
      {"LastModified", static_cast<double>(mapping.modified) / 1000},
      {"LastProcessingResult",
       progress && !progress->result.empty() ? progress->result : "No records processed"},
      {"State", state             ? state
                : mapping.enabled ? "Enabled"
                                  : "Disabled"},
      {"StateTransitionReason", "User action"},
      {"DestinationConfig", json::object{{"OnFailure", std::move(failure)}}},
      {"MaximumRecordAgeInSeconds", mapping.age_max_s},
      {"BisectBatchOnFunctionError", mapping.bisects},
      {"MaximumRetryAttempts", mapping.retries_max},
      {"TumblingWindowInSeconds", 0},
      {"FunctionResponseTypes", std::move(types)}};
  if (mapping.filters.empty()) return shown;
  json::array filters;
  for (const std::string& pattern : mapping.filters)
    filters.push_back(json::object{{"Pattern", pattern}});
  shown["FilterCriteria"] = json::object{{"Filters", std::move(filters)}};
  return shown;
}
Result<Done> count_one_more(Staged& staged) {
  auto count = staged.get(event_source_count_key()).value_or(EventSourceCount{});
  if (++count.held > kEventSourcesMax)
    return Error{429,
                 "TooManyRequestsException",
                 "There can be " + std::to_string(kEventSourcesMax) +
                     " event source mappings; delete one first.",
                 {}};
  staged.put(event_source_count_key(), count);
  return Done{};
}
// A function gets the records of a stream once.
Result<Done> check_alone(const EventSource& mapping, const Snapshot& snapshot) {
  std::string other;
  snapshot.scan(RecordPrefix<EventSource>{}, "", false, [&](std::string_view, EventSource&& one) {
    if (one.uuid != mapping.uuid && one.stream_arn == mapping.stream_arn &&
        one.function == mapping.function)
      other = one.uuid;
    return other.empty();
  });
  if (other.empty()) return Done{};
  return Error{409,
               "ResourceConflictException",
               "The event source arn (\" " + mapping.stream_arn + " \") and function (\" " +
                   mapping.function +
                   " \") provided mapping already exists. Please update or delete the existing "
                   "mapping with UUID " +
                   other,
               {}};
}
// Work for an enabled mapping begins with the commit.
void begin_run(EventSource& mapping, Staged& staged) {
  mapping.run = random_uuid();
  staged.enqueue({.queue = kEventSourceQueue,
                  .lane = mapping.uuid,
                  .event = members_of(EventSourceEvent{mapping.uuid, mapping.run})});
}
}  // namespace

Result<MappingIn> parse_mapping_in(const Request& request) {
  MappingIn in{request.param("UUID"), {}, {}, {}, {}, {}};
  if (request.method == "POST" || request.method == "PUT") {
    TRY(in.body, parse_body(request));
    in.shown = shown_body(request);
  }
  TRY(in.page, parse_page(request, 100));
  if (in.uuid.size() > 36) return invalid("UUID must be at most 36 characters.");
  in.stream_arn = request.query_text("EventSourceArn");
  in.function = request.query_text("FunctionName");
  // Only a list reads the query: beside a body it would stand in its place in the record.
  if (request.method == "GET")
    in.shown = shown_fields(request, {"EventSourceArn", "FunctionName", "Marker", "MaxItems"});
  if (in.uuid.empty()) return in;
  if (!in.shown.is_object()) in.shown.emplace_object();
  in.shown.as_object()["uUID"] = in.uuid;
  return in;
}
// The condition key lambda:FunctionArn: of the function that the mapping is, or is to be, for.
template <class Self>
Result<std::vector<Need>> OnMapping<Self>::needs(const In& in, const Snapshot& s) {
  Need need{
      std::string(Self::action),
      in.uuid.empty() ? "*" : make_arn(s.scope(), "lambda", "event-source-mapping:" + in.uuid),
      {},
      {},
      ""};
  std::vector<std::string> functions;
  if (const auto mapping = in.uuid.empty() ? nullptr : s.get(event_source_key(in.uuid)))
    functions.push_back(function_arn(s.scope(), mapping->function));
  if (const std::string asked = text_of(in.body, "FunctionName"); !asked.empty())
    if (const auto name = function_name_of(std::string_view(asked)))
      functions.push_back(function_arn(s.scope(), name->settings()));
  std::vector<Need> needs;
  // A move from one function to another needs the permission for each.
  for (const std::string& function : functions) {
    needs.push_back(need);
    needs.back().context["lambda:functionarn"] = {function};
  }
  if (!needs.empty()) return needs;
  return std::vector<Need>{std::move(need)};
}
template struct OnMapping<CreateEventSourceMapping>;
template struct OnMapping<ListEventSourceMappings>;
template struct OnMapping<GetEventSourceMapping>;
template struct OnMapping<UpdateEventSourceMapping>;
template struct OnMapping<DeleteEventSourceMapping>;

Result<JsonOut> CreateEventSourceMapping::run(const Authorized<In>& in, Staged& staged) {
  const Snapshot& snapshot = staged.snapshot();
  const Fields fields(in->body);
  TRY(const auto source, fields.text("EventSourceArn"));
  TRY(const auto function, fields.text("FunctionName"));
  TRY(const auto position, fields.text("StartingPosition"));
  if (!function) return bad_member("null", "functionName", "Member must not be null");
  if (!source) return invalid("EventSourceArn is required: the ARN of the stream of a table.");
  const auto arn = parse_arn(*source);
  if (!arn || arn->service != "dynamodb")
    return invalid(
        "Sluice reads the streams of DynamoDB tables: EventSourceArn must be the ARN of "
        "one. Queues, Kinesis and Kafka are not implemented.");
  EventSource mapping{.uuid = random_uuid(), .stream_arn = *source, .modified = in.time()};
  TRY(const auto target, target_of(*function, snapshot, mapping.function));
  if (!position) return bad_member("null", "startingPosition", "Member must not be null");
  if (*position != "TRIM_HORIZON" && *position != "LATEST")
    return *position == "AT_TIMESTAMP"
               ? invalid("Unsupported starting position for stream type: DYNAMODB")
               : bad_member("'" + position->substr(0, 200) + "'", "startingPosition",
                            "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, "
                            "TRIM_HORIZON]");
  mapping.starting_position = *position;
  CHECK(read_settings(in->body, mapping));
  CHECK(tracked_function(staged, *function_name_of(std::string_view(*function))));
  TRY(const std::string now_at, in.ports().change_streams->now_at(*source, snapshot));
  CHECK(check_role(in, *target, *source, snapshot));
  CHECK(count_one_more(staged));
  CHECK(check_alone(mapping, snapshot));
  // What is written from this commit on is not missed, however late the reading begins.
  if (mapping.starting_position == "LATEST")
    staged.put(progress_key(mapping.uuid), EventSourceProgress{.after = now_at});
  if (mapping.enabled) begin_run(mapping, staged);
  staged.put(event_source_key(mapping.uuid), mapping);
  return JsonOut{202, shown_mapping(mapping, snapshot, "Creating")};
}
Result<JsonOut> ListEventSourceMappings::run(const Authorized<In>& in, const Snapshot& snapshot) {
  std::string function;
  if (!in->function.empty()) CHECK(target_of(in->function, snapshot, function));
  json::array mappings;
  std::string next;
  const std::string& marker = in->page.marker;
  snapshot.scan(RecordPrefix<EventSource>{}, marker.empty() ? "" : event_source_key(marker).bytes,
                false, [&](std::string_view, EventSource&& mapping) {
                  if (mapping.uuid == marker) return true;
                  if (!function.empty() && mapping.function != function) return true;
                  if (!in->stream_arn.empty() && mapping.stream_arn != in->stream_arn) return true;
                  if (mappings.size() == static_cast<size_t>(in->page.max)) {
                    next = text_of(mappings.back().as_object(), "UUID");
                    return false;
                  }
                  mappings.push_back(shown_mapping(mapping, snapshot));
                  return true;
                });
  JsonOut out{200, {{"EventSourceMappings", std::move(mappings)}}};
  if (!next.empty()) out.body["NextMarker"] = next;
  return out;
}
Result<JsonOut> GetEventSourceMapping::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const auto mapping = snapshot.get(event_source_key(in->uuid));
  if (!mapping) return no_such_mapping();
  return JsonOut{200, shown_mapping(*mapping, snapshot)};
}
Result<JsonOut> UpdateEventSourceMapping::run(const Authorized<In>& in, Staged& staged) {
  auto mapping = staged.get(event_source_key(in->uuid));
  if (!mapping) return no_such_mapping();
  CHECK(read_settings(in->body, *mapping));
  TRY(const auto function, Fields(in->body).text("FunctionName"));
  if (function) {
    TRY(const auto target, target_of(*function, staged.snapshot(), mapping->function));
    CHECK(tracked_function(staged, *function_name_of(std::string_view(*function))));
    CHECK(check_role(in, *target, mapping->stream_arn, staged.snapshot()));
    CHECK(check_alone(*mapping, staged.snapshot()));
    // Another mapping that is moved to this function meanwhile is a conflict.
    if (const auto count = staged.get(event_source_count_key()))
      staged.put(event_source_count_key(), *count);
  }
  mapping->modified = in.time();
  // A new run goes by the new settings, as soon as the old one has ended.
  if (mapping->enabled) begin_run(*mapping, staged);
  staged.put(event_source_key(in->uuid), *mapping);
  return JsonOut{202, shown_mapping(*mapping, staged.snapshot(), "Updating")};
}
// The work of the mapping ends by itself.
Result<JsonOut> DeleteEventSourceMapping::run(const Authorized<In>& in, Staged& staged) {
  const auto mapping = staged.look(event_source_key(in->uuid));
  if (!mapping) return no_such_mapping();
  staged.erase(event_source_key(in->uuid));
  staged.erase(progress_key(in->uuid));
  if (auto count = staged.get(event_source_count_key())) {
    --count->held;
    staged.put(event_source_count_key(), *count);
  }
  return JsonOut{202, shown_mapping(*mapping, staged.snapshot(), "Deleting")};
}

}  // namespace sluice::lambda
