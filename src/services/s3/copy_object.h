// SPDX-License-Identifier: Apache-2.0
#pragma once
// CopyObject makes a new version from an existing one of up to 5 GB, under the destination's
// encryption. What it shares with UploadPartCopy is here too. It needs GetObject on the source,
// PutObject on the destination and both keys.
//
//   TRY(const ObjectIn from, parse_copy_source(request));
//   TRY(const Version source, find_source(from, snapshot));
//   TRY(const auto body, read_source(from, source, ports, snapshot, 0, source.facts.size));
//
// There may be conditions on the source (x-amz-copy-source-if-*) and on the destination (If-Match,
// If-None-Match). The source is read once, even when a conflict runs the rest again. Errors:
// NoSuchKey, NoSuchVersion, PreconditionFailed, InvalidRequest (a copy onto itself that changes
// nothing, or of more than 5 GB).
#include "services/s3/buckets.h"
#include "services/s3/objects.h"

namespace sluice::s3 {

// The object that x-amz-copy-source names. The conditions on it are among its headers.
Result<ObjectIn> parse_copy_source(const Request& request);
// The version to be copied, when its conditions hold.
Result<std::shared_ptr<const Version>> find_source(const ObjectIn& source,
                                                   const Snapshot& snapshot);
// `count` bytes of it from the byte `from` on, as a body.
Result<std::shared_ptr<BodySource>> read_source(const ObjectIn& source, const Version& version,
                                                const Ports& ports, const Snapshot& snapshot,
                                                uint64_t from, uint64_t count);
// The destination without the headers that describe the empty body of the request itself.
ObjectIn without_body_headers(ObjectIn in);

struct CopyObject {
  static constexpr std::string_view name = "CopyObject", action = "s3:PutObject";
  static constexpr Match match{"PUT", "/{Bucket}/{Key+}", "", "x-amz-copy-source"};
  static constexpr bool data_event = true;
  struct In {
    ObjectIn to, from;
    bool replaces_metadata = false, replaces_tags = false;
    const Checksum* checksum = nullptr;
  };
  struct Body {
    VersionFacts source;
    Received received;
  };
  struct Out {
    VersionFacts facts;
    bool versioned = false;
    std::string source_version;
  };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports);
  static Result<Body> receive(const Authorized<In>& in, Staged& staged);
  static Result<Out> run(const Authorized<In>& in, Body& body, Staged& staged);
  static Response render(const Out& out);
  static json::value audit(const In& in) {
    return json::object{{"bucketName", in.to.bucket}, {"key", in.to.key}};
  }
};

}  // namespace sluice::s3
