// SPDX-License-Identifier: Apache-2.0
#include "services/dynamodb/partiql_plan.h"

#include <algorithm>

#include "services/dynamodb/key_condition.h"
#include "services/dynamodb/operand_checks.h"

namespace sluice::dynamodb {
namespace {
// The operator when its operands change sides.
std::string turned(const std::string& op) {
  return op == "<" ? ">" : op == "<=" ? ">=" : op == ">" ? "<" : op == ">=" ? "<=" : op;
}
bool is_name(const Node& node, const std::string& name) {
  return node.op == "path" && node.path.size() == 1 && std::get<std::string>(node.path[0]) == name;
}
bool mentions(const Node& node, const std::string& name) {
  if (node.op == "path") return std::get<std::string>(node.path[0]) == name;
  return std::any_of(node.children.begin(), node.children.end(),
                     [&](const auto& child) { return mentions(*child, name); });
}
void add_names(const Node& node, std::set<std::string>& names) {
  if (node.op == "path") names.insert(std::get<std::string>(node.path[0]));
  for (const auto& child : node.children) add_names(*child, names);
}

// One alternative of a condition: all of what it says must hold. Alternatives share what they say.
struct Alternative {
  std::vector<std::shared_ptr<const KeyPredicate>> keys;
  std::vector<const Node*> filters;
};

class Planner {
 public:
  Planner(const PartiqlStatement& statement, const KeySpace& keys)
      : statement_(statement), keys_(keys) {}

  Result<ReadPlan> plan() {
    ReadPlan plan;
    const Node* where = statement_.where.get();
    if (!where) {
      CHECK(check_order(plan));
      return plan;
    }
    std::vector<Alternative> alternatives;
    if (pins_partition(*where)) {
      alternatives = spread(*where);
      if (too_many_) return validation("Too many decomposed read operations for a given query.");
      CHECK(check_types(alternatives));
      drop_impossible(alternatives);
      plan.keyed = std::all_of(alternatives.begin(), alternatives.end(),
                               [&](const Alternative& one) { return partition_of(one); });
    }
    CHECK(check_order(plan));
    if (plan.keyed) CHECK(read_parts(alternatives, plan));
    return plan;
  }

 private:
  struct Part {
    std::string hash;  // encoded
    Span span;
    // Whether it looks at the sort key in a way that no span can be made of.
    bool negated = false;
  };

  // The attribute of the key that a node compares in a way that a span can be made of: with values,
  // by equality if it is the partition key. nullptr: there is none.
  const KeyAttribute* compared_key(const Node& node) const {
    const bool list = node.op == "IN";
    if (node.op == "<>" ||
        (!list && !is_comparison(node.op) && node.op != "BETWEEN" && node.op != "begins_with"))
      return nullptr;
    const size_t name = name_in(node);
    for (size_t i = 0; i < node.children.size(); ++i)
      if (i != name && node.children[i]->op != "value") return nullptr;
    const bool equality = list || node.op == "=";
    if (equality && is_name(*node.children[name], keys_.hash.name)) return &keys_.hash;
    const bool ranged = !keys_.range.name.empty();
    return ranged && is_name(*node.children[name], keys_.range.name) ? &keys_.range : nullptr;
  }
  // Which operand is the name: in 'x' = a it is the second one.
  static size_t name_in(const Node& node) {
    return is_comparison(node.op) && node.children[1]->op == "path" ? 1 : 0;
  }
  // What such a node asks for; of a list, one for each value.
  static std::vector<Alternative> alternatives_of(const Node& node, const KeyAttribute& key) {
    const size_t name = name_in(node);
    const bool list = node.op == "IN";
    KeyPredicate one{key.name, list ? "=" : name == 1 ? turned(node.op) : node.op, {}};
    std::vector<Alternative> out;
    for (size_t i = 0; i < node.children.size(); ++i) {
      if (i == name) continue;
      one.operands.push_back(node.children[i]->value);
      if (list) out.push_back(alternative(std::exchange(one, {key.name, "=", {}})));
    }
    if (!list) out.push_back(alternative(std::move(one)));
    return out;
  }
  bool names_key(const Node& node) const {
    if (node.op == "AND" || node.op == "OR")
      return names_key(*node.children[0]) || names_key(*node.children[1]);
    return compared_key(node) != nullptr;
  }
  bool pins_partition(const Node& node) const {
    if (node.op == "AND")
      return pins_partition(*node.children[0]) || pins_partition(*node.children[1]);
    if (node.op == "OR")
      return pins_partition(*node.children[0]) && pins_partition(*node.children[1]);
    return compared_key(node) == &keys_.hash;
  }
  static Alternative alternative(KeyPredicate one) {
    return {{std::make_shared<const KeyPredicate>(std::move(one))}, {}};
  }
  // The alternatives, as far as the key is concerned: others stay together as filters.
  std::vector<Alternative> spread(const Node& node) {
    if (too_many_) return {};
    if (const KeyAttribute* key = compared_key(node)) return bounded(alternatives_of(node, *key));
    if ((node.op != "AND" && node.op != "OR") || !names_key(node))
      return {Alternative{{}, {&node}}};
    std::vector<Alternative> out = spread(*node.children[0]);
    std::vector<Alternative> right = spread(*node.children[1]);
    if (node.op == "OR") {
      out.insert(out.end(), right.begin(), right.end());
      return bounded(std::move(out));
    }
    if (out.size() * right.size() > kDecomposedReadsMax) {
      too_many_ = true;
      return {};
    }
    const std::vector<Alternative> left = std::exchange(out, {});
    for (const Alternative& other : right)
      for (const Alternative& one : left) {
        out.push_back(one);
        out.back().keys.insert(out.back().keys.end(), other.keys.begin(), other.keys.end());
        out.back().filters.insert(out.back().filters.end(), other.filters.begin(),
                                  other.filters.end());
      }
    return bounded(std::move(out));
  }
  std::vector<Alternative> bounded(std::vector<Alternative> alternatives) {
    if (alternatives.size() > kDecomposedReadsMax) {
      too_many_ = true;
      alternatives.resize(kDecomposedReadsMax);
    }
    return alternatives;
  }
  Result<Done> check_types(const std::vector<Alternative>& alternatives) const {
    for (const Alternative& one : alternatives)
      for (const auto& key : one.keys)
        for (const json::value& value : key->operands)
          CHECK(
              check_key_value(key->attribute == keys_.hash.name ? keys_.hash : keys_.range, value));
    return Done{};
  }
  // Takes away what two partitions would have to hold at once, unless that is all.
  void drop_impossible(std::vector<Alternative>& alternatives) const {
    const auto possible = [&](const Alternative& one) { return partition_of(one) != nullptr; };
    if (std::any_of(alternatives.begin(), alternatives.end(), possible))
      std::erase_if(alternatives, [&](const Alternative& one) {
        const bool names_one = std::any_of(one.keys.begin(), one.keys.end(), [&](const auto& key) {
          return key->attribute == keys_.hash.name;
        });
        return names_one && !possible(one);
      });
  }
  // nullptr: it has none, or two that differ.
  const json::value* partition_of(const Alternative& one) const {
    const json::value* found = nullptr;
    for (const auto& key : one.keys) {
      if (key->attribute != keys_.hash.name) continue;
      if (found && !equal_values(*found, key->operands[0])) return nullptr;
      found = &key->operands[0];
    }
    return found;
  }
  const PartiqlStatement::Order* order_of(const std::string& name) const {
    for (const PartiqlStatement::Order& one : statement_.order)
      if (one.attribute == name) return &one;
    return nullptr;
  }
  Result<Done> check_order(const ReadPlan& plan) const {
    if (statement_.order.empty()) return Done{};
    if (!statement_.where)
      return validation("Must have WHERE clause in the statement when using ORDER BY clause.");
    for (const PartiqlStatement::Order& one : statement_.order)
      if (one.attribute != keys_.hash.name &&
          (keys_.range.name.empty() || one.attribute != keys_.range.name))
        return validation("Attribute " + one.attribute +
                          " in ORDER BY clause must be part of the primary key");
    if (plan.keyed) return Done{};
    return validation(
        "Must have at least one non-optional hash key condition in WHERE clause when using ORDER "
        "BY "
        "clause.");
  }
  // What all that an alternative says of the key lets through. Errors: those of wanted_span.
  Result<Span> span_of(const Alternative& one) const {
    const KeyPredicate partition{keys_.hash.name, "=", {*partition_of(one)}};
    TRY(Span span, wanted_span({partition}, keys_));
    for (const auto& range : one.keys) {
      if (range->attribute == keys_.hash.name) continue;
      TRY(const Span narrower, wanted_span({partition, *range}, keys_));
      span.low = std::max(span.low, narrower.low);
      span.high = std::min(span.high, narrower.high);
    }
    return span;
  }
  Result<Done> read_parts(const std::vector<Alternative>& alternatives, ReadPlan& plan) const {
    std::vector<Part> parts;
    std::set<std::string> names;
    for (const Alternative& one : alternatives) {
      const json::value& partition = *partition_of(one);
      TRY(const std::string hash, encode_key(keys_.hash, partition, true));
      TRY(Span span, span_of(one));
      const bool known = std::any_of(parts.begin(), parts.end(),
                                     [&](const Part& part) { return part.hash == hash; });
      if (!known) plan.partitions.push_back(partition);
      for (const Node* filter : one.filters) add_names(*filter, names);
      parts.push_back({hash, std::move(span), negates_range(one)});
    }
    plan.filters.assign(names.begin(), names.end());
    const PartiqlStatement::Order *by_hash = order_of(keys_.hash.name),
                                  *by_range = order_of(keys_.range.name);
    if (!statement_.order.empty() && plan.partitions.size() > 1 && !by_hash)
      return validation(
          "Must have hash key in ORDER BY clause when more than one hash key condition specified "
          "in WHERE clause.");
    TRY(parts, joined(std::move(parts)));
    // AWS turns the sort key around when the order names the partition key alone.
    plan.backwards = !statement_.order.empty() && (!by_range || by_range->descending);
    const bool last_first = by_hash && by_hash->descending;
    std::sort(parts.begin(), parts.end(), [&](const Part& a, const Part& b) {
      if (a.hash != b.hash) return last_first ? a.hash > b.hash : a.hash < b.hash;
      return plan.backwards ? a.span.low > b.span.low : a.span.low < b.span.low;
    });
    for (Part& part : parts) plan.spans.push_back(std::move(part.span));
    return Done{};
  }
  bool negates_range(const Alternative& one) const {
    return !keys_.range.name.empty() &&
           std::any_of(one.filters.begin(), one.filters.end(), [&](const Node* filter) {
             return (filter->op == "NOT" || filter->op == "<>") &&
                    mentions(*filter, keys_.range.name);
           });
  }
  // Parts that overlap are refused, but where one of them negates the sort key: they become one.
  static Result<std::vector<Part>> joined(std::vector<Part> parts) {
    std::erase_if(parts, [](const Part& part) { return part.span.low >= part.span.high; });
    std::sort(parts.begin(), parts.end(),
              [](const Part& a, const Part& b) { return a.span.low < b.span.low; });
    std::vector<Part> out;
    for (Part& part : parts) {
      if (out.empty() || out.back().span.high <= part.span.low) {
        out.push_back(std::move(part));
        continue;
      }
      if (!out.back().negated && !part.negated)
        return validation(
            "Overlapping conditions with range keys are not supported in where clause");
      out.back().span.high = std::max(out.back().span.high, part.span.high);
      out.back().negated = true;
    }
    return out;
  }

  const PartiqlStatement& statement_;
  const KeySpace& keys_;
  bool too_many_ = false;
};

void add_conjunct(const Node& node, const KeySpace& keys, bool takes_lists, WhereKey& out) {
  if (node.op == "AND") {
    for (const auto& child : node.children) add_conjunct(*child, keys, takes_lists, out);
    return;
  }
  const bool equality =
      node.op == "=" || (takes_lists && node.op == "IN" && node.children.size() == 2);
  const bool turned_around = equality && node.children[1]->op == "path";
  const Node* name = equality ? node.children[turned_around ? 1 : 0].get() : nullptr;
  const Node* value = equality ? node.children[turned_around ? 0 : 1].get() : nullptr;
  for (const KeyAttribute* attribute : {&keys.hash, &keys.range}) {
    if (!equality || attribute->name.empty() || !is_name(*name, attribute->name) ||
        value->op != "value")
      continue;
    const json::value* known = out.key.if_contains(attribute->name);
    if (known && !equal_values(*known, value->value)) out.twice = attribute->name;
    if (!known) out.key[attribute->name] = value->value;
    return;
  }
  out.more = true;
}
}  // namespace

Result<ReadPlan> plan_read(const PartiqlStatement& statement, const KeySpace& keys) {
  return Planner(statement, keys).plan();
}
WhereKey where_key(const Node* where, const KeySpace& keys, bool takes_lists) {
  WhereKey out;
  if (where) add_conjunct(*where, keys, takes_lists, out);
  return out;
}
Result<Done> check_key_value(const KeyAttribute& attribute, const json::value& value) {
  const std::string type = type_of(value);
  if (type != "S" && type != "N" && type != "B")
    return validation("Key value must be of type S, N, or B. Key name: " + attribute.name +
                      ", Key type: " + type);
  if (type == attribute.type) return Done{};
  return validation("Key attribute's data type should match its data type in table's schema: Key " +
                    attribute.name);
}

}  // namespace sluice::dynamodb
