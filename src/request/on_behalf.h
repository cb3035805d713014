// SPDX-License-Identifier: Apache-2.0
#pragma once
// Work that goes on for a caller after his call was answered, such as a stack that is made or a
// table that is exported. It keeps his session's token, and makes its calls in his name through the
// service: they are authorised then, by what his role may do then.
//
//   TRY(const std::string token, token_to_keep(in.facts()));          // into the job
//   TRY(const Caller caller, on_behalf(ports, token, "dynamodb.amazonaws.com"));
#include "request/ports.h"

namespace sluice {

// Errors: AccessDeniedException for a caller without a session, whose work nobody could do.
Result<std::string> token_to_keep(const Request& facts);
// Errors: AccessDeniedException when his role does not exist any more.
Result<Caller> on_behalf(const Ports& ports, const std::string& token, std::string_view service);

}  // namespace sluice
