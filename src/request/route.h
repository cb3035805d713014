#pragma once
// From a request's head to one row of one service's table.
#include "request/ports.h"

namespace sluice {

// The service a request is for: by X-Amz-Target, credential scope, path shape; S3 when nothing else
// says so. nullptr: none.
const Service* find_service(const Request& request, const std::vector<const Service*>& services);
// Turns a virtual-host S3 request into path style: Host "bucket.s3.localhost" and path "/k" become
// "/bucket/k".
void to_path_style(Request& request, const Scope& scope);
// The row, with request.params filled. Errors: UnknownOperationException, InvalidAction,
// NotImplemented, MethodNotAllowed.
Result<const Row*> find_row(Request& request, const Service& service);

}  // namespace sluice
