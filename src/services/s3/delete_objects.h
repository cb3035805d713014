// SPDX-License-Identifier: Apache-2.0
#pragma once
// DeleteObject and DeleteObjects write a delete marker, or remove a version for good when its id is
// given. If-Match holds as on writes. A locked version stays: AccessDenied, unless
// x-amz-bypass-governance-retention and the permission for it lift governance (object_lock.h).
//
//   constexpr auto rows = table<DeleteObject, DeleteObjects>();   // s3.cc
#include "services/s3/buckets.h"
#include "services/s3/objects.h"

namespace sluice::s3 {

struct DeleteObject {
  static constexpr std::string_view name = "DeleteObject", action = "s3:DeleteObject";
  static constexpr Match match{"DELETE", "/{Bucket}/{Key+}", "", ""};
  static constexpr bool data_event = true;
  using In = ObjectIn;
  struct Out {
    Headers headers;
  };
  static Result<In> parse(const Request& request) { return parse_object_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return version_needs("s3:DeleteObject", "s3:DeleteObjectVersion", in, s);
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out) { return {204, out.headers, "", nullptr, 0}; }
  static json::value audit(const In& in) { return audit_object(in); }
};

// Up to 1000 keys. Each is allowed or refused alone (s3:DeleteObject, s3:DeleteObjectVersion): who
// may delete none of them gets 200 and 1000 Error elements, as on AWS. The request must have a
// Content-MD5 or a checksum.
struct DeleteObjects {
  static constexpr std::string_view name = "DeleteObjects", action = "s3:DeleteObject";
  static constexpr Match match{"POST", "/{Bucket}", "delete", ""};
  static constexpr bool data_event = true;
  struct Object {
    std::string key, version_id, match;
  };
  struct In {
    std::string bucket, owner;
    std::vector<Object> objects;
    bool quiet = false, bypass = false;
  };
  struct Out {
    Text text;
    std::map<std::string, int64_t> refused;  // how many keys, by error code
  };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out) { return render_text(out.text); }
  static json::value audit(const In& in) {
    return json::object{{"bucketName", in.bucket}, {"delete", ""}};
  }
  static json::value audit_result(const Out& out);
};

}  // namespace sluice::s3
