// SPDX-License-Identifier: Apache-2.0
#pragma once
// The path of a request from its head to its answer (ARCHITECTURE.md). Path::serve reads from top
// to bottom, and the types allow no other order.
//
//   Path path(ports);
//   Response answer = path.serve(std::move(head), body);
#include "request/audit.h"
#include "request/authenticator.h"
#include "request/body_budget.h"
#include "request/counters.h"

namespace sluice {

// How many bytes a body that is held whole may have. Streamed bodies (S3 objects) are bounded by
// their operation.
constexpr size_t kBodyBytesMax = 2 << 20;         // S3 documents, query and JSON services
constexpr size_t kDynamoBodyBytesMax = 17 << 20;  // BatchWriteItem: 16 MB and the JSON around it
constexpr size_t kLambdaBodyBytesMax = 70 << 20;  // CreateFunction: a 50 MB zip in base64
constexpr size_t kMetricsBodyBytesMax = 1 << 20;  // PutMetricData, before and after gzip
constexpr int kConflictRetriesMax = 50;

class Path : public Dispatcher {
 public:
  // With `syncs_audit_of_reads` even an allowed read is answered only when its audit record is on
  // the disk; without it that record may follow within 20 ms (decision 0013).
  explicit Path(Ports& ports, bool syncs_audit_of_reads = false)
      : ports_(ports),
        syncs_audit_of_reads_(syncs_audit_of_reads),
        counters_(ports.services, ports.operator_service) {}
  // Serves one request from outside, over the wire or at the operator's socket. `head` has its
  // method, target and headers and what is known of the peer; `raw` is its body as it comes from
  // the connection.
  Response serve(Request head, BodySource& raw);
  Response call(std::string_view service, std::string_view operation, Request request,
                const Caller& caller, const Rider& rider = {}) override;
  // Writes one record that counts the strangers' failures without records of their own. Called now
  // and then, and at the end.
  void record_unrecorded_strangers();
  const Counters& counters() const { return counters_; }

 private:
  Response answer(Request head, BodySource& raw);
  Response preflight(Request head);
  // What one run of an operation answers, and its audit records. After a failure `staged` is empty,
  // so that only the records are committed.
  struct Attempt {
    Result<Response> outcome;
    std::vector<std::string> records;
  };
  Attempt attempt(const Request& request, const Service& service, const Row& row,
                  const Caller& caller, AuditFacts& facts, std::shared_ptr<void>& received,
                  const Rider& rider, Staged& staged);
  Result<Response> run(const Request& request, const Service& service, const Row& row,
                       const Caller& caller, AuditFacts& facts, std::optional<Receipt>& receipt,
                       const Rider& rider = {});
  Response refuse_stranger(const Request& request, const Service& service, const Error& error,
                           const Session* token_of = nullptr);
  void count(const Service& service, const Row* row, const Error* error, int64_t begun_us);
  std::optional<Receipt> record_failure(AuditedCall call, Result<Response>& outcome);
  Wait wait_for(const Row& row, bool allowed) const;
  Ports& ports_;
  const bool syncs_audit_of_reads_;
  Counters counters_;
  StrangerLimit strangers_;
  BodyBudget bodies_;
  const Authenticators authenticators_ = all_authenticators();
};

}  // namespace sluice
