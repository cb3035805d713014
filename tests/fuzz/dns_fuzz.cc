// SPDX-License-Identifier: Apache-2.0
// Answers of a name server.
#include "fuzz.h"
#include "ingest/resolve.h"
#include "ingest/tls.h"

using namespace sluice;
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto packet = fuzz::text(data, size);
  const uint16_t id = size > 1 ? static_cast<uint16_t>(data[0] << 8 | data[1])
                               : 0;  // its own, so that it is read on
  (void)ingest::dns_answer(id, packet);
  (void)ingest::dns_query(id, std::string(packet.substr(0, 300)));
  (void)ingest::parse_url(packet);
  return 0;
}
