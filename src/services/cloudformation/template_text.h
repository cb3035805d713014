// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads the text of a template as JSON. It may be JSON, or YAML with CloudFormation's short tags
// (!Ref, !GetAtt, !Sub ...).
//
//   TRY(const json::object document, read_template("{Resources: {T: {Type: AWS::S3::Bucket}}}"));
#include "base/json.h"

namespace sluice::cloudformation {

inline Error validation(std::string text) { return {400, "ValidationError", std::move(text), {}}; }

// One document of at most kTemplateBytesMax bytes and kTemplateDepthMax nested containers, without
// aliases, names that come twice, or other tags. The tags become functions:
//   !GetAtt A.B   {"Fn::GetAtt": ["A", "B"]}
//   !Ref A        {"Ref": "A"}
//   !Condition A  {"Condition": "A"}
//   !X v          {"Fn::X": v}
// Plain scalars have their types of YAML 1.1 where a template can see them: null, booleans and
// integers. Dates and fractions stay strings. Errors: ValidationError 400 "Template format error:
// ..." with the line.
Result<json::object> read_template(std::string_view text);

}  // namespace sluice::cloudformation
