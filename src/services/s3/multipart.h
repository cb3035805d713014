// SPDX-License-Identifier: Apache-2.0
#pragma once
// Multipart uploads: CreateMultipartUpload, UploadPart, UploadPartCopy, CompleteMultipartUpload,
// AbortMultipartUpload, ListParts, ListMultipartUploads and GetObjectAttributes. Every part is a
// sealed file with a data key of its own. Completing an upload only names the files and copies
// nothing; doing it again answers the same while its object is the newest.
//
//   constexpr auto rows = table<CreateMultipartUpload, UploadPart, CompleteMultipartUpload>();
//
// Parts have the numbers 1 to 10000, and 5 MiB (but the last) to 5 GiB each. The checksum of each
// part is verified and kept; that of the object is COMPOSITE, or FULL_OBJECT computed from the CRCs
// of the parts (S3 User Guide, "Checking object integrity"). Errors: NoSuchUpload, InvalidPart,
// InvalidPartOrder, EntityTooSmall, InvalidRequest, BadDigest.
#include "services/s3/buckets.h"
#include "services/s3/copy_object.h"
#include "services/s3/objects.h"

namespace sluice::s3 {

struct UploadIn : ObjectIn {
  std::string upload_id, text;
  std::vector<std::pair<std::string, std::string>> query;
};
Result<UploadIn> parse_upload_in(const Request& request);
RecordKey<Upload> upload_key(const UploadIn& in);
Error no_such_upload(const std::string& id);
// How many entries a page may have: 0 to 1000, and 1000 when the query does not say. Errors:
// InvalidArgument.
Result<int64_t> parse_max(const std::vector<std::pair<std::string, std::string>>& query,
                          std::string_view name);

// Removes the uploads in progress of a bucket that is deleted: they do not keep the bucket.
void drop_uploads(Staged& staged, const std::string& bucket);

template <class Self>
struct OnUpload {
  using In = UploadIn;
  using Out = Text;
  static constexpr bool data_event = true;
  static Result<In> parse(const Request& request) { return parse_upload_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    return version_needs(Self::action, Self::action, in, s);
  }
  static Response render(const Out& out) { return render_text(out); }
  static json::value audit(const In& in) {
    return json::object{{"bucketName", in.bucket}, {"key", in.key}};
  }
};
struct CreateMultipartUpload : OnUpload<CreateMultipartUpload> {
  static constexpr std::string_view name = "CreateMultipartUpload", action = "s3:PutObject";
  static constexpr Match match{"POST", "/{Bucket}/{Key+}", "uploads", ""};
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports) {
    TRY(std::vector<Need> needs, write_needs(in, s, ports));
    needs[0].context["s3:objectcreationoperation"] = {"false"};
    return needs;
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct UploadPart : OnUpload<UploadPart> {
  static constexpr std::string_view name = "UploadPart", action = "s3:PutObject";
  static constexpr Match match{"PUT", "/{Bucket}/{Key+}", "uploadId", ""};
  static constexpr bool streams = true;
  using Body = Received;
  using Out = PutOut;
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Body> receive(const Authorized<In>& in, Staged& staged);
  static Result<Out> run(const Authorized<In>& in, Body& body, Staged& staged);
  static Response render(const Out& out) { return {200, out.headers, "", nullptr, 0}; }
};
// x-amz-copy-source-range is "bytes=first-last" and lies wholly inside the source.
struct UploadPartCopy {
  static constexpr std::string_view name = "UploadPartCopy", action = "s3:PutObject";
  static constexpr Match match{"PUT", "/{Bucket}/{Key+}", "uploadId", "x-amz-copy-source"};
  static constexpr bool data_event = true;
  struct In {
    UploadIn to;
    ObjectIn from;
  };
  struct Body {
    Received received;
    std::string source_version;
  };
  using Out = Text;
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Body> receive(const Authorized<In>& in, Staged& staged);
  static Result<Out> run(const Authorized<In>& in, Body& body, Staged& staged);
  static Response render(const Out& out) { return render_text(out); }
  static json::value audit(const In& in);
};
struct CompleteMultipartUpload : OnUpload<CompleteMultipartUpload> {
  static constexpr std::string_view name = "CompleteMultipartUpload", action = "s3:PutObject";
  static constexpr Match match{"POST", "/{Bucket}/{Key+}", "uploadId", ""};
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) {
    TRY(std::vector<Need> needs, version_needs(action, action, in, s));
    needs[0].context["s3:objectcreationoperation"] = {"true"};
    if (const std::string none = in.header("if-none-match"); !none.empty())
      needs[0].context["s3:if-none-match"] = {none};
    return needs;
  }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct AbortMultipartUpload : OnUpload<AbortMultipartUpload> {
  static constexpr std::string_view name = "AbortMultipartUpload",
                                    action = "s3:AbortMultipartUpload";
  static constexpr Match match{"DELETE", "/{Bucket}/{Key+}", "uploadId", ""};
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct ListParts : OnUpload<ListParts> {
  static constexpr std::string_view name = "ListParts", action = "s3:ListMultipartUploadParts";
  static constexpr Match match{"GET", "/{Bucket}/{Key+}", "uploadId", ""};
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
SLUICE_S3_BUCKET(ListMultipartUploads, "ListBucketMultipartUploads", "GET", "uploads",
                 const Snapshot& snapshot);

// x-amz-object-attributes names any of ETag, Checksum, ObjectParts, StorageClass and ObjectSize. It
// needs s3:GetObject and s3:GetObjectAttributes, or the permissions for a version.
struct GetObjectAttributes : OnUpload<GetObjectAttributes> {
  static constexpr std::string_view name = "GetObjectAttributes", action = "s3:GetObjectAttributes";
  static constexpr Match match{"GET", "/{Bucket}/{Key+}", "attributes", ""};
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};

}  // namespace sluice::s3
