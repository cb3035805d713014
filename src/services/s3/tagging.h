// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tags of buckets (at most 50) and of object versions (at most 10). Source: S3 User Guide,
// "Categorizing your storage using tags".
//
//   TRY(const json::object tags, parse_tag_header(in.header("x-amz-tagging")));
//   add_request_tags(need.context, tags);
//
// Keys have 1 to 128 characters and values up to 256. No key may come twice or begin with "aws:".
// Errors: InvalidTag, BadRequest (too many), MalformedXML, NoSuchTagSet.
#include "services/s3/buckets.h"
#include "services/s3/objects.h"

namespace sluice::s3 {

constexpr size_t kObjectTagsMax = 10, kBucketTagsMax = 50;

// Reads x-amz-tagging: "k1=v1&k2=v2".
Result<json::object> parse_tag_header(const std::string& text);
// These add the condition keys s3:RequestObjectTag/<k> and s3:RequestObjectTagKeys, and
// s3:ExistingObjectTag/<k>.
void add_request_tags(policy::Context& context, const json::object& tags);
void add_existing_tags(policy::Context& context, const json::object& tags);

struct TagIn : ObjectIn {
  std::string text;
};
template <class Self>
struct OnTags {
  static constexpr bool data_event = true;
  using In = TagIn;
  using Out = Text;
  static Result<In> parse(const Request& request) {
    CHECK(check_document(request, Self::match.method == "PUT"));
    TRY(ObjectIn object, parse_object_in(request));
    return TagIn{std::move(object), request.body};
  }
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s);
  static Response render(const Out& out) { return render_text(out); }
  static json::value audit(const In& in) { return audit_object(in); }
};
#define SLUICE_S3_TAGS(operation, verb, version_permission, state)                  \
  struct operation : OnTags<operation> {                                            \
    static constexpr std::string_view name = #operation, action = "s3:" #operation, \
                                      version_action = version_permission;          \
    static constexpr Match match{verb, "/{Bucket}/{Key+}", "tagging", ""};          \
    static Result<Out> run(const Authorized<In>& in, state);                        \
  }
SLUICE_S3_TAGS(PutObjectTagging, "PUT", "s3:PutObjectVersionTagging", Staged& staged);
SLUICE_S3_TAGS(GetObjectTagging, "GET", "s3:GetObjectVersionTagging", const Snapshot& snapshot);
SLUICE_S3_TAGS(DeleteObjectTagging, "DELETE", "s3:DeleteObjectVersionTagging", Staged& staged);

}  // namespace sluice::s3
