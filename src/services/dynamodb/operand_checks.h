// SPDX-License-Identifier: Apache-2.0
#pragma once
// What can be wrong with the operands of a condition or an update before any item is looked at. The
// parsers of expressions and the one of PartiQL statements ask the same questions.
//
//   check_comparison(*node, [&](Fault fault, std::string why) { note(fault, std::move(why)); });
#include <functional>

#include "services/dynamodb/expression.h"

namespace sluice::dynamodb {

enum class Fault : uint8_t {
  parentheses,
  unknown_function,
  misused_function,
  reserved,
  section,
  undefined_name,
  undefined_value,
  overlap,
  conflict,
  operand_count,
  same_operands,
  operand,       // of ADD or DELETE
  operand_type,  // of a function or an operator
  condition      // of the conditions that an expression joins, the fault of the first
};
using NoteFault = std::function<void(Fault, std::string)>;

bool is_comparison(std::string_view op);
// Operands that are no condition by themselves.
bool is_operand(const Node& node);
std::string shown_path(const Path& path);  // "[a, b, [0]]"

// A node of an operator that compares, of BETWEEN, or of a function that conditions have.
void check_comparison(const Node& comparison, const NoteFault& note);
void check_between(const Node& between, const NoteFault& note);
void check_function_operands(const Node& function, const NoteFault& note);
// An operand of an operator or function that takes values of one type alone.
void check_operand_type(const Node& operand, const std::string& op, std::string_view type,
                        const NoteFault& note);
void note_operand_count(const Node& function, const NoteFault& note);
// Two paths of a list that cannot stand side by side.
void check_side_by_side(const Path& one, const Path& two, const NoteFault& note);

}  // namespace sluice::dynamodb
