// SPDX-License-Identifier: Apache-2.0
#pragma once
// The text of a template as JSON: JSON itself, or YAML with CloudFormation's short tags (!Ref,
// !GetAtt, !Sub ...).
#include "base/json.h"

namespace sluice::cloudformation {

inline Error validation(std::string text) { return {400, "ValidationError", std::move(text), {}}; }

// At most kTemplateBytesMax bytes and kTemplateDepthMax nested containers; no aliases, no duplicate
// keys, no other tags, one document.
// `!GetAtt A.B` becomes {"Fn::GetAtt": ["A", "B"]}, `!Ref A` {"Ref": "A"}, `!Condition A`
// {"Condition": "A"}, `!X v` {"Fn::X": v}. Plain scalars are typed as in YAML 1.1 where a template
// can tell: null, booleans, integers; dates and fractions stay strings. Errors: ValidationError 400
// "Template format error: ..." with the line.
Result<json::object> read_template(std::string_view text);

}  // namespace sluice::cloudformation
