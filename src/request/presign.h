// SPDX-License-Identifier: Apache-2.0
#pragma once
// URLs that this server presigns for a session that it knows. Whoever has one can make this one GET
// until it expires, and nothing else: the URL holds the session's sealed token and a signature, but
// not its secret key. The request comes in by the door like any other: it is authorised as the
// session's role is then, and recorded. Source: IAM User Guide, "Create a signed AWS API request".
//
//   const std::string url = presigned_url({.scheme = "https", .host = host, .target = "/a?b=c",
//                                          .service = "lambda", .region = scope.region,
//                                          .time = now(), .expires_s = 600}, session);
#include "request/ports.h"

namespace sluice {

struct Presigning {
  std::string scheme, host;
  std::string target;  // the path and the query, encoded
  std::string service, region;
  Time time = 0;
  int64_t expires_s = 0;
};
std::string presigned_url(const Presigning& what, const Session& session);

}  // namespace sluice
