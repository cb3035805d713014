// SPDX-License-Identifier: Apache-2.0
#pragma once
// CreateTable, DescribeTable, UpdateTable, ListTables and DeleteTable. Tables have a HASH key and
// at most one RANGE key (S, N or B). What throughput is asked for is described, and bounds nothing.
//
//   constexpr auto rows = table<CreateTable, DescribeTable, ListTables, DeleteTable>();
#include "request/audit.h"
#include "services/dynamodb/model.h"
#include "store/erase.h"

namespace sluice::dynamodb {

struct TableIn {
  std::string table;
  json::object body;
};
Result<TableIn> parse_table_in(const Request& request);
// What the caller needs to use the KMS key that SSESpecification of the body names for a table.
Result<Done> add_new_key_needs(std::vector<Need>& needs, const TableIn& in, const Snapshot& s,
                               const Ports& ports);
// A new table with a data key, as the body of CreateTable asks for it; it is not written yet.
// Errors: ResourceInUseException, ValidationException.
Result<TableRecord> new_table(const std::string& name, const json::object& body, Time now,
                              const Ports& ports, Staged& staged);
// Errors: ResourceInUseException while the table is being filled.
Result<Done> check_active(const TableRecord& table);
// The description of a table, with sizes.
json::object described(const TableRecord& table, const Snapshot& s);
// Erases the record of a table. Its items follow in the background, and so do its changes, unless
// its stream can still be read (leave_streams).
void erase_table(const TableRecord& table, Staged& staged, bool keep_changes = false);
// From now on the items of deleted tables are erased. A restart goes on where the erasing was.
void start_purge(Store& store);

template <class Self>
struct OnTable {
  using In = TableIn;
  using Out = JsonOut;
  static Result<In> parse(const Request& request) { return parse_table_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return std::vector<Need>{table_need(Self::action, in.table, s)};
  }
  static Response render(const Out& out) { return render_json(out); }
  static json::value audit(const In& in) { return camel_case(in.body); }
  static json::value audit_result(const Out& out) { return shown_answer(out.body); }
};
struct CreateTable : OnTable<CreateTable> {
  static constexpr std::string_view name = "CreateTable", action = "dynamodb:CreateTable";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct DescribeTable : OnTable<DescribeTable> {
  static constexpr std::string_view name = "DescribeTable", action = "dynamodb:DescribeTable";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};
struct UpdateTable : OnTable<UpdateTable> {
  static constexpr std::string_view name = "UpdateTable", action = "dynamodb:UpdateTable";
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct DeleteTable : OnTable<DeleteTable> {
  static constexpr std::string_view name = "DeleteTable", action = "dynamodb:DeleteTable";
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct ListTables {
  static constexpr std::string_view name = "ListTables", action = "dynamodb:ListTables";
  struct In {
    std::string after;
    int64_t limit = 100;
  };
  using Out = JsonOut;
  static Result<In> parse(const Request& request);
  static json::value audit(const Request& request) { return shown_body(request); }
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{{std::string(action), "*", {}, {}, ""}};
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
  static Response render(const Out& out) { return render_json(out); }
};

}  // namespace sluice::dynamodb
