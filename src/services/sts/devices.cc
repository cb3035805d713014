// SPDX-License-Identifier: Apache-2.0
#include "services/sts/devices.h"

#include "base/bytes.h"
#include "request/role_session.h"

namespace sluice::sts {
namespace {
Error invalid(std::string text) { return {400, "ValidationError", std::move(text), {}}; }
}  // namespace

Result<IssueDeviceCertificate::In> IssueDeviceCertificate::parse(const Request& request) {
  In in{request.query_text("Name"), 0};
  CHECK(check_session_name(in.name, "name"));
  const auto days = parse_int(request.query_text("Days"));
  if (!days || *days < 1 || *days > kDeviceDaysMax)
    return invalid("a certificate of a device is good for 1 to 397 days");
  in.days = *days;
  return in;
}
Result<DeviceCertificate> IssueDeviceCertificate::run(const Authorized<In>& in, Staged&) {
  return in.ports().devices->issue(in->name, in->days);
}
Response IssueDeviceCertificate::render(const Out& out) {
  return {200,
          {},
          json::serialize(json::object{{"authority", out.authority},
                                       {"certificate", out.certificate},
                                       {"key", out.key.expose()},
                                       {"serial", out.serial}}),
          nullptr,
          0};
}

Result<RevokeDeviceCertificate::In> RevokeDeviceCertificate::parse(const Request& request) {
  const std::string serial = request.query_text("Serial");
  if (serial.empty() || serial.size() > 40 || !unhex(serial))
    return invalid("a serial number has up to 40 hexadecimal digits");
  return In{lower(serial)};
}
Result<RevokeDeviceCertificate::Out> RevokeDeviceCertificate::run(const Authorized<In>& in,
                                                                  Staged&) {
  TRY(std::string list, in.ports().devices->revoke(in->serial));
  return Out{std::move(list)};
}
Response RevokeDeviceCertificate::render(const Out& out) {
  return {200, {}, json::serialize(json::object{{"list", out.list}}), nullptr, 0};
}

}  // namespace sluice::sts
