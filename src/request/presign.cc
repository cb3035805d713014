// SPDX-License-Identifier: Apache-2.0
#include "request/presign.h"

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "request/sigv4.h"

namespace sluice {

std::string presigned_url(const Presigning& what, const Session& session) {
  sigv4::Claim claim;
  claim.access_key_id = session.access_key_id;
  claim.time_text = basic_date(what.time);
  claim.date = claim.time_text.substr(0, 8);
  claim.region = what.region;
  claim.service = what.service;
  claim.terminator = "aws4_request";
  claim.signed_headers = {"host"};
  claim.presigned = true;
  const std::string scope = claim.access_key_id + "/" + claim.date + "/" + claim.region + "/" +
                            claim.service + "/" + claim.terminator;
  const size_t question = what.target.find('?');
  Request request;
  request.method = "GET";
  request.target = what.target.substr(0, question);
  request.raw_query =
      (question == std::string::npos ? "" : what.target.substr(question + 1) + "&") +
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + percent_encode(scope) +
      "&X-Amz-Date=" + claim.time_text + "&X-Amz-Expires=" + std::to_string(what.expires_s) +
      "&X-Amz-Security-Token=" + percent_encode(session.token) + "&X-Amz-SignedHeaders=host";
  request.headers.add("host", what.host);
  const std::string canonical =
      sigv4::canonical_request(request, claim, hex(sha256("")), what.service == "s3");
  const Secret key(sigv4::signing_key(session.secret_access_key, claim));
  return what.scheme + "://" + what.host + request.target + "?" + request.raw_query +
         "&X-Amz-Signature=" +
         hex(hmac_sha256(key.expose(), sigv4::string_to_sign(claim, canonical)));
}

}  // namespace sluice
