// SPDX-License-Identifier: Apache-2.0
#pragma once
// LoggingConfig of a function: the format of its log, what is left out of it, and where it goes.
// Source: Lambda Developer Guide, "Configuring advanced logging controls for Lambda functions".
//
//   if (logging) CHECK(apply_logging(*logging, function));
#include "services/lambda/model.h"

namespace sluice::lambda {

// Takes the members that are there into the record. Errors: InvalidParameterValueException.
Result<Done> apply_logging(const json::object& given, Function& function);
json::object shown_logging(const Function& function);

}  // namespace sluice::lambda
