#pragma once
// Multipart uploads: CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload, ListParts, ListMultipartUploads.
// Parts 1 to 10000, each 5 MiB (but the last) to 5 GiB. Every part is a sealed file with a data key of its own; completing names the
// files, it copies nothing. Checksums: each part's is verified and kept; the object's is COMPOSITE.
//   objects s3.upload (bucket, key, upload id)   what CreateMultipartUpload was told
//   objects s3.part (upload id, number)          {"Id","Bytes","Wrapped","ETag","Checksum","ChecksumValue","Modified"}
#include "services/s3/buckets.h"
#include "services/s3/objects.h"

namespace sluice::s3 {

struct UploadIn : ObjectIn { std::string upload_id, text; int64_t part = 0; };
Result<UploadIn> parse_upload_in(const Request& request);

template <class Self>
struct OnUpload {
  using In = UploadIn;
  using Out = Text;
  static constexpr bool data_event = true;
  static Result<In> parse(const Request& request) { return parse_upload_in(request); }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s) { return std::vector<Need>{object_need(Self::action, in.bucket, in.key, s)}; }
  static Response render(const Out& out) { return render_text(out); }
  static json::value audit(const In& in) { return json::object{{"bucketName", in.bucket}, {"key", in.key}, {"uploadId", in.upload_id}}; }
};
struct CreateMultipartUpload : OnUpload<CreateMultipartUpload> {
  static constexpr std::string_view name = "CreateMultipartUpload", action = "s3:PutObject";
  static constexpr Match match{"POST", "/{Bucket}/{Key+}", "uploads", ""};
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports) { return write_needs(in, s, ports); }
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct UploadPart : OnUpload<UploadPart> {
  static constexpr std::string_view name = "UploadPart", action = "s3:PutObject";
  static constexpr Match match{"PUT", "/{Bucket}/{Key+}", "uploadId", ""};
  static constexpr bool streams = true;
  using Out = PutOut;
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out) { return {200, out.headers, "", nullptr, 0}; }
};
struct CompleteMultipartUpload : OnUpload<CompleteMultipartUpload> {
  static constexpr std::string_view name = "CompleteMultipartUpload", action = "s3:PutObject";
  static constexpr Match match{"POST", "/{Bucket}/{Key+}", "uploadId", ""};
  struct Out { std::string body; Headers headers; };
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
  static Response render(const Out& out);
};
struct AbortMultipartUpload : OnUpload<AbortMultipartUpload> {
  static constexpr std::string_view name = "AbortMultipartUpload", action = "s3:AbortMultipartUpload";
  static constexpr Match match{"DELETE", "/{Bucket}/{Key+}", "uploadId", ""};
  static Result<Out> run(const Authorized<In>& in, Staged& staged);
};
struct ListParts : OnUpload<ListParts> {
  static constexpr std::string_view name = "ListParts", action = "s3:ListMultipartUploadParts";
  static constexpr Match match{"GET", "/{Bucket}/{Key+}", "uploadId", ""};
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
};
SLUICE_S3_BUCKET(ListMultipartUploads, "ListBucketMultipartUploads", "GET", "uploads", const Snapshot& snapshot);

}  // namespace sluice::s3
