#pragma once
// CopyObject: a new version from an existing one, up to 5 GB, under the destination's encryption. Needs GetObject on the source,
// PutObject on the destination and both keys. Errors: NoSuchKey, NoSuchVersion, InvalidRequest (a copy onto itself that changes
// nothing, or of more than 5 GB). Differs: no x-amz-copy-source-if-* conditions yet (NotImplemented).
#include "services/s3/objects.h"

namespace sluice::s3 {

struct CopyObject {
  static constexpr std::string_view name = "CopyObject", action = "s3:PutObject";
  static constexpr Match match{"PUT", "/{Bucket}/{Key+}", "", "x-amz-copy-source"};
  static constexpr bool data_event = true;
  struct In { ObjectIn to, from; bool replaces_metadata = false; };
  struct Out { json::object version; bool versioned = false; std::string source_version; };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out);
  static json::value audit(const In& in) { return json::object{{"bucketName", in.to.bucket}, {"key", in.to.key}, {"x-amz-copy-source", in.from.bucket + "/" + in.from.key}}; }
};

}  // namespace sluice::s3
