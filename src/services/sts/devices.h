// SPDX-License-Identifier: Apache-2.0
#pragma once
// The certificates of devices, for `sluice device`: made and revoked by the server's own authority,
// whose key nobody else can use. Both are Sluice's own, and asked for at the operator's Unix socket
// alone.
//
//   constexpr auto operator_rows = table<OperatorSession, IssueDeviceCertificate>();   // sts.cc
#include "request/ports.h"

namespace sluice::sts {

// IssueDeviceCertificate: a key and its certificate. In: Name, 2 to 64 of [\w+=,.@-]; Days 1 to
// 397. Needs: to be the user whom the kernel names as the server's. Errors: ValidationError.
struct IssueDeviceCertificate {
  static constexpr std::string_view name = "IssueDeviceCertificate",
                                    action = "sts:IssueDeviceCertificate";
  static constexpr Match match{"PUT", "/device", "", ""};
  static constexpr Proof proofs[] = {Proof::unix_peer};
  static constexpr int64_t kDeviceDaysMax = 397;
  struct In {
    std::string name;
    int64_t days = 0;
  };
  using Out = DeviceCertificate;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{no_need()};
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out);
  static json::value audit(const In& in) {
    return json::object{{"name", in.name}, {"days", in.days}};
  }
  static json::value audit_result(const Out& out) { return json::object{{"serial", out.serial}}; }
};

// RevokeDeviceCertificate: the revocation list with one certificate more. In: Serial, in hex. Needs
// and errors: as above.
struct RevokeDeviceCertificate {
  static constexpr std::string_view name = "RevokeDeviceCertificate",
                                    action = "sts:RevokeDeviceCertificate";
  static constexpr Match match{"DELETE", "/device", "", ""};
  static constexpr Proof proofs[] = {Proof::unix_peer};
  struct In {
    std::string serial;
  };
  struct Out {
    std::string list;
  };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In&, const Snapshot&) {
    return std::vector<Need>{no_need()};
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out);
  static json::value audit(const In& in) { return json::object{{"serial", in.serial}}; }
};

}  // namespace sluice::sts
