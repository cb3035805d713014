// SPDX-License-Identifier: Apache-2.0
#pragma once
// Random bytes from the kernel (getrandom(2)). This is the only source of randomness, and good
// enough for keys.
//
//   const Secret data_key(random_bytes(32));
//   request.id = random_uuid();
#include <string>

namespace sluice {

std::string random_bytes(size_t count);
std::string random_hex(size_t characters);    // lower-case hex
std::string random_upper(size_t characters);  // A-Z 2-7, as in AWS key and unique ids
std::string random_uuid();                    // RFC 9562 version 4

}  // namespace sluice
