// SPDX-License-Identifier: Apache-2.0
#pragma once
// DynamoDB Streams: ListStreams, DescribeStream, GetShardIterator and GetRecords, and what
// CreateTable and UpdateTable say of the stream of a table. A stream shows the changes of the last
// 24 hours in the order of the commits, each once, in one shard. Source: API reference, "Amazon
// DynamoDB Streams".
//
//   CHECK(set_stream(*asked, table, in.time(), staged));  // StreamSpecification
//   dynamodb::start_change_sweep(ports);                  // forgets changes that nobody may read
//
// Errors: ResourceNotFoundException, ValidationException, TrimmedDataAccessException,
// ExpiredIteratorException.
#include "services/dynamodb/tables.h"

namespace sluice::dynamodb {

constexpr size_t kStreamRecordsMax = 1000, kStreamBytesMax = 1 << 20, kStreamsPageMax = 100;
constexpr Time kStreamKeptMs = 24 * 3600 * 1000, kIteratorMs = 15 * 60 * 1000;

// StreamSpecification of a request. nullopt: it has none. Errors: ValidationException.
struct AskedStream {
  bool enabled = false;
  std::string view;
};
Result<std::optional<AskedStream>> asked_stream(const json::object& body);
// Begins or ends the stream of a table. Errors: ValidationException when there is nothing to do.
Result<Done> set_stream(const AskedStream& asked, TableRecord& table, Time now, Staged& staged);
// The table is deleted: its stream can be read for another day. False: it has none.
bool leave_streams(const TableRecord& table, Time now, Staged& staged);
// Adds StreamSpecification, LatestStreamArn and LatestStreamLabel to TableDescription.
void describe_stream(json::object& description, const TableRecord& table, const Scope& scope);
// From now on changes go that nobody may read any more.
void start_change_sweep(Ports& ports);

// For Lambda, which reads streams on.
std::unique_ptr<ChangeStreams> change_streams(Store& store);

// A place in a stream, as a shard iterator tells it.
struct StreamPlace {
  std::string stream_arn;
  uint64_t number = 0;  // of the next change in the log of the table
  Time made = 0;
};
struct StreamIn {
  std::string stream_arn;  // of GetRecords: that of its iterator
  json::object body;
  StreamPlace place;  // of GetRecords
};
template <class Self>
struct OnStream {
  using In = StreamIn;
  using Out = JsonOut;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Response render(const Out& out) { return render_json(out); }
  static json::value audit(const In& in) { return camel_case(in.body); }
};
struct DescribeStream : OnStream<DescribeStream> {
  static constexpr std::string_view name = "DescribeStream", action = "dynamodb:DescribeStream";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct GetShardIterator : OnStream<GetShardIterator> {
  static constexpr std::string_view name = "GetShardIterator", action = "dynamodb:GetShardIterator";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct GetRecords : OnStream<GetRecords> {
  static constexpr std::string_view name = "GetRecords", action = "dynamodb:GetRecords";
  static constexpr bool data_event = true;
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct ListStreams {
  static constexpr std::string_view name = "ListStreams", action = "dynamodb:ListStreams";
  using In = json::object;
  using Out = JsonOut;
  static Result<In> parse(const Request& request);
  static json::value audit(const In& in) { return camel_case(in); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static Response render(const Out& out) { return render_json(out); }
};

}  // namespace sluice::dynamodb
