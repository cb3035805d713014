// SPDX-License-Identifier: Apache-2.0
#pragma once
// Access control lists of objects. Buckets are BucketOwnerEnforced, so every ACL says the same: the
// owner has full control. Putting one is refused with AccessControlListNotSupported. Source: S3
// User Guide, "Controlling ownership of objects and disabling ACLs".
//
//   constexpr auto rows = table<GetObjectAcl, PutObjectAcl>();   // s3.cc
#include "services/s3/buckets.h"
#include "services/s3/objects.h"

namespace sluice::s3 {

struct GetObjectAcl {
  static constexpr std::string_view name = "GetObjectAcl", action = "s3:GetObjectAcl";
  static constexpr Match match{"GET", "/{Bucket}/{Key+}", "acl", ""};
  static constexpr bool data_event = true;
  using In = ObjectIn;
  using Out = Text;
  static Result<In> parse(const Request& request) { return parse_object_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return version_needs("s3:GetObjectAcl", "s3:GetObjectVersionAcl", in, s);
  }
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out) { return render_text(out); }
  static json::value audit(const In& in) { return audit_object(in); }
};
struct PutObjectAcl {
  static constexpr std::string_view name = "PutObjectAcl", action = "s3:PutObjectAcl";
  static constexpr Match match{"PUT", "/{Bucket}/{Key+}", "acl", ""};
  static constexpr bool data_event = true;
  using In = ObjectIn;
  using Out = Text;
  static Result<In> parse(const Request& request) { return parse_object_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return version_needs("s3:PutObjectAcl", "s3:PutObjectVersionAcl", in, s);
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out) { return render_text(out); }
  static json::value audit(const In& in) { return audit_object(in); }
};

}  // namespace sluice::s3
