// SPDX-License-Identifier: Apache-2.0
#pragma once
// ListObjects, ListObjectsV2 and ListObjectVersions: at most 1000 entries a page, in the order of
// their UTF-8 bytes. Errors: NoSuchBucket; InvalidArgument for max-keys, continuation-token,
// encoding-type, and a version marker without its key.
//
//   constexpr auto rows = table<ListObjectsV2, ListObjectVersions, ListObjects>();   // s3.cc
#include "services/s3/buckets.h"

namespace sluice::s3 {

struct ListIn {
  std::string bucket, owner, prefix, delimiter, after, version_after, token;
  int64_t max_keys = kListMax;
  bool encode = false, fetch_owner = false, has_token = false;
};
template <class Self>
struct Lists {
  static constexpr bool data_event = true;
  using In = ListIn;
  using Out = Text;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out) { return render_text(out); }
  static json::value audit(const In& in) { return json::object{{"bucketName", in.bucket}}; }
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

// These are shared with ListMultipartUploads. encoding-type is "url" or nothing; else
// InvalidArgument.
Result<bool> parse_encoding(const std::string& text);
std::string shown(bool encode, const std::string& text);
// Writes nothing when `name` is "".
void write_checksum(XmlWriter& xml, const std::string& name, const std::string& type);

}  // namespace sluice::s3
