// SPDX-License-Identifier: Apache-2.0
#pragma once
// What Lambda does as the execution role of a function. It can do no more than that role, and each
// call is recorded like any other.
//
//   TRY(const Session session, assume_execution_role(ports, *function, 3600));
//   CHECK(put_failed(ports, session, config.on_failure, "aws/lambda/async/...", record));
#include "services/lambda/model.h"

namespace sluice::lambda {

// STS gives the session when the trust policy of the role lets lambda.amazonaws.com have it.
// Errors: InvalidParameterValueException.
Result<Session> assume_execution_role(const Ports& ports, const Function& function,
                                      int64_t duration_s);
// A call of the process itself, as the session. `api` is the signing name of the service.
Response call_as(const Ports& ports, const Session& session, std::string_view api,
                 std::string_view operation, Request request);
// Puts a record of a failed event into the bucket of an on-failure destination. Errors: what S3
// answers.
Result<Done> put_failed(const Ports& ports, const Session& session, const std::string& bucket_arn,
                        const std::string& key, const json::object& record);
// The DestinationConfig of a request: the ARN of the bucket for what failed, "" for none. Errors:
// InvalidParameterValueException for destinations that are no bucket.
Result<std::string> on_failure_of(const json::object& destinations);

}  // namespace sluice::lambda
