// SPDX-License-Identifier: Apache-2.0
#pragma once
// Finds the IPv4 address of a name. A static program cannot load libc's resolver, so this sends a
// query of type A (RFC 1035) to the first name server of /etc/resolv.conf.
//
//   TRY(const in_addr address, resolve("s3.us-east-1.amazonaws.com"));
#include <netinet/in.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::ingest {

// `host` may also be an address in text form.
Result<in_addr> resolve(const std::string& host);
std::string dns_query(uint16_t id, const std::string& host);
// The first A record of the answer to the query `id`. Errors: 404 when there is none, 503 when the
// answer is malformed.
Result<in_addr> dns_answer(uint16_t id, std::string_view packet);

}  // namespace sluice::ingest
