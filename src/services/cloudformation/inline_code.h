// SPDX-License-Identifier: Apache-2.0
#pragma once
// The code of a function that stands in its template: AWS::Lambda::Function's Code.ZipFile is text,
// and becomes the one file of a package.
//
//   TRY(body["Code"], code_of(properties));
#include "services/cloudformation/types.h"

namespace sluice::cloudformation {

// A function's Code as Lambda's API takes it.
// Errors: ValidationError, when the runtime has no file that a text could become.
Result<json::object> code_of(const json::object& function);

}  // namespace sluice::cloudformation
