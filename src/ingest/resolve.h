// SPDX-License-Identifier: Apache-2.0
#pragma once
// Names to IPv4 addresses without libc's resolver, which a static program cannot load: an A query
// (RFC 1035) to the first name server of /etc/resolv.conf.
#include <netinet/in.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::ingest {

Result<in_addr> resolve(const std::string& host);  // an address in text form is taken as it is
std::string dns_query(uint16_t id, const std::string& host);
// The first A record of an answer to `id`; 404 when there is none, 503 when it is malformed.
Result<in_addr> dns_answer(uint16_t id, std::string_view packet);

}  // namespace sluice::ingest
