// SPDX-License-Identifier: Apache-2.0
#pragma once
// Requests that a browser sends for a page of another origin. S3 answers them by the CORS rules of
// the bucket. Sources: S3 API Reference, "OPTIONS object"; Fetch Standard, "CORS protocol".
//
//   const auto asked = cross_origin_of(head, ports);
//   if (asked && head.method == "OPTIONS") return answer_preflight(head, ports);
#include <optional>

#include "request/ports.h"

namespace sluice {

// What the page asks for. An OPTIONS request says what the page means to send
// (Access-Control-Request-*); any other request is itself what the page asks for. nullopt: the
// request is not for S3, or no page of another origin sends it.
std::optional<CrossOrigin> cross_origin_of(const Request& head, const Ports& ports);

// The answer to a preflight. A preflight has no session, so the answer says only what the rules
// allow: a bucket without rules and a bucket that does not exist look the same. Errors: BadRequest,
// AccessForbidden.
Result<Response> answer_preflight(const Request& head, const Ports& ports);

}  // namespace sluice
