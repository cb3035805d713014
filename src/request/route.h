// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a request's head to one row of one service's table.
#include "request/ports.h"

namespace sluice {

// The service a request is for: by X-Amz-Target, credential scope, path shape; S3 when nothing else
// says so. nullptr: none.
const Service* find_service(const Request& request, const std::vector<const Service*>& services);
// Stands for a service that is not here, in the protocol that the request speaks.
const Service& unknown_service(const Request& request);
// The eventName of the operation that a request names, built or not, as far as head and query say
// it; "" when they do not. Text from outside: to be bounded where it goes.
std::string claimed_operation(const Request& request, const Service& service);
// The access key id that a request names, not believed; "" when it names none.
std::string claimed_access_key(const Request& request);
// Turns a virtual-host S3 request into path style: Host "bucket.s3.localhost" and path "/k" become
// "/bucket/k".
void to_path_style(Request& request, const Scope& scope);
// The row, with request.params filled. Errors: UnknownOperationException, InvalidAction,
// NotImplemented, MethodNotAllowed.
Result<const Row*> find_row(Request& request, const Service& service);

}  // namespace sluice
