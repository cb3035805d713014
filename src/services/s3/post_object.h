// SPDX-License-Identifier: Apache-2.0
#pragma once
// PostObject: an upload from an HTML form. request/form.h reads the form and checks its fields
// against its policy. Source: S3 API Reference, "POST Object".
//
//   constexpr auto rows = table<PostObject>();   // s3.cc
//
// The fields of the form are `key` (with ${filename} in it, if wanted), Content-Type and the other
// content headers, x-amz-* as PutObject takes them, `tagging`, success_action_status (200, 201 or
// 204) and success_action_redirect. Needs: those of PutObject. Errors: those of PutObject and of
// the form.
#include "services/s3/objects.h"

namespace sluice::s3 {

struct PostObject {
  static constexpr std::string_view name = "PostObject", action = "s3:PutObject";
  static constexpr Match match{"POST", "/{Bucket}", "", ""};
  // Who signs the request instead of the form is told so by S3's own error.
  static constexpr Proof proofs[] = {Proof::form, Proof::header, Proof::presigned_url};
  static constexpr bool data_event = true, streams = true, queues = true;
  struct In {
    ObjectIn object;
    int64_t success_status = 204;
    std::string redirect, location;  // `redirect` is "" when there is none
  };
  using Body = Received;
  struct Out {
    int status;
    Headers headers;
    std::string body;
  };
  static Result<In> parse(const Request& request);
  static Result<std::vector<Need>> needs(const In& in, const Snapshot& s, const Ports& ports) {
    return write_needs(in.object, s, ports);
  }
  static Result<Body> receive(const Authorized<In>& in, Staged& staged);
  static Result<Out> run(const Authorized<In>& in, Body& body, Staged& staged);
  static Response render(const Out& out) { return {out.status, out.headers, out.body, nullptr, 0}; }
  static json::value audit(const In& in) { return audit_object(in.object); }
};

}  // namespace sluice::s3
