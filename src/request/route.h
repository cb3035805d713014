// SPDX-License-Identifier: Apache-2.0
#pragma once
// Finds out from the head of a request which service it is for, and which row of that service's
// table.
//
//   const Service* service = find_service(request, ports.services);
//   TRY(const Row* row, find_row(request, *service));
#include "request/ports.h"

namespace sluice {

// The service that a request is for, by X-Amz-Target, by the scope of its credentials or by its
// path; S3 when none of them says another. nullptr: no service of ours.
const Service* find_service(const Request& request, const std::vector<const Service*>& services);
// Stands for a service that Sluice does not have, in the protocol that the request speaks.
const Service& unknown_service(const Request& request);
// The eventName of the operation that a request names in its head or query, also when Sluice does
// not have that operation; "" when it names none. The text comes from outside: whoever uses it must
// bound its length.
std::string claimed_operation(const Request& request, const Service& service);
// The access key id that a request names, which nothing has proven; "" when it names none.
std::string claimed_access_key(const Request& request);
// Turns a virtual-host request of S3 into path style: Host "bucket.s3.localhost" and path "/k"
// become the path "/bucket/k".
void to_path_style(Request& request, const Scope& scope);
// The row of the request; fills request.params. Errors: UnknownOperationException, InvalidAction,
// NotImplemented, MethodNotAllowed.
Result<const Row*> find_row(Request& request, const Service& service);

}  // namespace sluice
