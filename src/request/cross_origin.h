// SPDX-License-Identifier: Apache-2.0
#pragma once
// Requests of browsers from a page of another origin, which S3 answers by the bucket's CORS rules.
// Source: S3 API Reference, "OPTIONS object"; Fetch Standard, "CORS protocol".
#include <optional>

#include "request/ports.h"

namespace sluice {

// What the page asks: for OPTIONS what it means to send (Access-Control-Request-*), else the
// request itself. nullopt: the request is not for S3, or no page of another origin sends it.
std::optional<CrossOrigin> cross_origin_of(const Request& head, const Ports& ports);

// The answer to a preflight, which carries no session and so says nothing but what the rules allow:
// a bucket without rules and a bucket that is not there look the same. Errors: BadRequest,
// AccessForbidden.
Result<Response> answer_preflight(const Request& head, const Ports& ports);

}  // namespace sluice
