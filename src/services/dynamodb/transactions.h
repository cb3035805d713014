// SPDX-License-Identifier: Apache-2.0
#pragma once
// TransactWriteItems and TransactGetItems: up to 100 actions on items of any tables, of 4 MB
// together, in one commit or on one snapshot. A commit takes its turn behind those that it meets,
// and so no transaction conflicts with another. Errors: TransactionCanceledException with a reason
// for each action, IdempotentParameterMismatchException, ResourceNotFoundException,
// ValidationException.
//
//   dynamodb::start_token_sweep(*ports.store);   // forgets tokens after ten minutes
#include "services/dynamodb/items.h"

namespace sluice::dynamodb {

constexpr size_t kTransactionMax = 100, kTransactionBytesMax = 4 << 20, kTokenCharactersMax = 36;
constexpr Time kTokenMs = 10 * 60 * 1000;
void start_token_sweep(Store& store);

// One action: "Put", "Update", "Delete", "ConditionCheck" or "Get".
struct TransactAction {
  std::string kind;
  ItemIn in;
};
struct TransactIn {
  json::object body;
  std::vector<TransactAction> actions;
};

// One reason for each action; "None" is the code of those that are not to blame.
class Reasons {
 public:
  explicit Reasons(size_t actions) : reasons_(actions, json::object{{"Code", "None"}}) {}
  // Takes what a single operation would have answered. False: it is an error of the whole request.
  bool take(size_t action, const Error& why);
  // Errors: TransactionCanceledException.
  Result<Done> none() const;

 private:
  std::vector<json::object> reasons_;
  bool any_ = false;
};
// What these operations do once they are allowed: ExecuteTransaction does it, too. `now` is the
// time of the request.
Result<JsonOut> transact_write(const TransactIn& in, Time now, Staged& staged, const Ports& ports);
Result<JsonOut> transact_get(const TransactIn& in, const Snapshot& s, const Ports& ports);

template <class Self>
struct Transacts {
  static constexpr bool data_event = true;
  using In = TransactIn;
  using Out = JsonOut;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Response render(const Out& out) { return render_json(out); }
  // Shows keys with their values, and only the names of other attributes.
  static json::value audit(const In& in, const Snapshot& s);
};
// IAM has no permission for a whole transaction: each action needs its own.
struct TransactWriteItems : Transacts<TransactWriteItems> {
  static constexpr std::string_view name = "TransactWriteItems", action = "dynamodb:PutItem";
  static constexpr bool queues = true;
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct TransactGetItems : Transacts<TransactGetItems> {
  static constexpr std::string_view name = "TransactGetItems", action = "dynamodb:GetItem";
  static Result<Out> run(const Authorized<In>& in, const Snapshot& s);
};

}  // namespace sluice::dynamodb
