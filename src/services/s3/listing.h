#pragma once
// ListObjects, ListObjectsV2, ListObjectVersions, DeleteObjects. At most 1000 entries a page, in UTF-8 byte order.
#include "services/s3/buckets.h"

namespace sluice::s3 {

struct ListIn { std::string bucket, prefix, delimiter, after, version_after, token; int64_t max_keys = kListMax; bool v2 = false, encode = false, fetch_owner = false, has_start = false; };
template <class Self>
struct Lists {
  using In = ListIn;
  using Out = Text;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out) { return render_text(out); }
  static json::value audit(const In& in) { return json::object{{"bucketName", in.bucket}, {"prefix", in.prefix}}; }
};
struct ListObjects : Lists<ListObjects> {
  static constexpr std::string_view name = "ListObjects", action = "s3:ListBucket";
  static constexpr Match match{"GET", "/{Bucket}", "", ""};
};
struct ListObjectsV2 : Lists<ListObjectsV2> {
  static constexpr std::string_view name = "ListObjectsV2", action = "s3:ListBucket";
  static constexpr Match match{"GET", "/{Bucket}", "list-type=2", ""};
};
struct ListObjectVersions : Lists<ListObjectVersions> {
  static constexpr std::string_view name = "ListObjectVersions", action = "s3:ListBucketVersions";
  static constexpr Match match{"GET", "/{Bucket}", "versions", ""};
};

// Up to 1000 keys. Needs s3:DeleteObject(Version) on every one; AWS answers per key, Sluice refuses the whole call (docs/differences.md).
struct DeleteObjects {
  static constexpr std::string_view name = "DeleteObjects", action = "s3:DeleteObject";
  static constexpr Match match{"POST", "/{Bucket}", "delete", ""};
  static constexpr bool data_event = true;
  struct In { std::string bucket; std::vector<std::pair<std::string, std::string>> objects; bool quiet = false; };
  using Out = Text;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out) { return render_text(out); }
  static json::value audit(const In& in) { return json::object{{"bucketName", in.bucket}, {"delete", ""}}; }
};

}  // namespace sluice::s3
