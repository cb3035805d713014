// SPDX-License-Identifier: Apache-2.0
#include "services/cloudtrail/selectors.h"

#include <algorithm>
#include <iterator>
#include <map>

namespace sluice::cloudtrail {
namespace {
Error bad(std::string text) { return {400, "InvalidEventSelectorsException", std::move(text), {}}; }
template <size_t n>
bool any_of(const char* const (&list)[n], std::string_view text) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

constexpr const char* kBasicTypes[] = {"AWS::S3::Object", "AWS::Lambda::Function",
                                       "AWS::DynamoDB::Table"};
constexpr const char* kDataTypes[] = {"AWS::S3::Object", "AWS::Lambda::Function",
                                      "AWS::DynamoDB::Table", "AWS::DynamoDB::Stream",
                                      "AWS::CloudWatch::Metric"};
constexpr const char* kFieldNames[] = {
    "eventCategory", "readOnly",         "eventSource",
    "eventName",     "eventType",        "resources.type",
    "resources.ARN", "userIdentity.arn", "sessionCredentialFromConsole",
    "errorCode"};
struct Operator {
  const char* name;
  bool negative;
  bool (*holds)(std::string_view value, std::string_view wanted);
};
constexpr Operator kOperators[] = {
    {"Equals", false, [](std::string_view v, std::string_view w) { return v == w; }},
    {"StartsWith", false, [](std::string_view v, std::string_view w) { return v.starts_with(w); }},
    {"EndsWith", false, [](std::string_view v, std::string_view w) { return v.ends_with(w); }},
    {"NotEquals", true, [](std::string_view v, std::string_view w) { return v == w; }},
    {"NotStartsWith", true,
     [](std::string_view v, std::string_view w) { return v.starts_with(w); }},
    {"NotEndsWith", true, [](std::string_view v, std::string_view w) { return v.ends_with(w); }}};

// A value of a basic selector's DataResources: all of a service, or an ARN with at least a bucket
// and its slash.
bool is_data_value(const std::string& type, const std::string& value) {
  if (type == "AWS::S3::Object")
    return value == "arn:aws:s3" || value == "arn:aws:s3:::" ||
           (value.starts_with("arn:aws:s3:::") && value.find('/') != std::string::npos);
  const std::string service =
      type == "AWS::Lambda::Function" ? "arn:aws:lambda" : "arn:aws:dynamodb";
  const auto arn = parse_arn(value);
  return value == service ||
         (arn && value.starts_with(service + ":") &&
          arn->resource.starts_with(type == "AWS::Lambda::Function" ? "function:" : "table/"));
}

Result<Done> check_basic(const json::array& selectors) {
  if (selectors.size() > kSelectorsMax)
    return bad("The number of event selectors exceeds the limit of 5.");
  size_t values = 0;
  for (const json::value& one : selectors) {
    if (!one.is_object()) return bad("An event selector must be a structure.");
    const Fields fields(one.get_object());
    TRY(const auto kind, fields.text("ReadWriteType"));
    if (kind && *kind != "All" && *kind != "ReadOnly" && *kind != "WriteOnly")
      return bad("ReadWriteType must be All, ReadOnly or WriteOnly.");
    CHECK(fields.boolean("IncludeManagementEvents"));
    TRY(const auto excluded, fields.texts("ExcludeManagementEventSources"));
    for (const std::string& source : excluded)
      if (source != "kms.amazonaws.com" && source != "rdsdata.amazonaws.com")
        return bad(
            "ExcludeManagementEventSources takes kms.amazonaws.com and rdsdata.amazonaws.com "
            "only.");
    TRY(const json::array* resources, fields.array("DataResources"));
    for (const json::value& resource : resources ? *resources : json::array()) {
      if (!resource.is_object())
        return bad("A data resource must be a structure of Type and Values.");
      const std::string type = text_of(resource.get_object(), "Type");
      if (!any_of(kBasicTypes, type))
        return bad("Data resource type " + type +
                   " is not one of a basic event selector: AWS::S3::Object, AWS::Lambda::Function, "
                   "AWS::DynamoDB::Table.");
      TRY(const auto list, Fields(resource.get_object()).texts("Values"));
      for (const std::string& value : list)
        if (!is_data_value(type, value))
          return bad("Value " + value + " for DataResources.Values is invalid.");
      values += list.size();
    }
  }
  if (values > kDataResourcesMax)
    return bad("The number of data resources exceeds the limit of 250.");
  return Done{};
}

// One selector's fields -> category and resource type, once each, and the number of values.
Result<size_t> check_fields(const json::object& selector) {
  TRY(const json::array* fields, Fields(selector).array("FieldSelectors"));
  if (!fields || fields->empty())
    return bad("An advanced event selector must have FieldSelectors.");
  size_t values = 0;
  std::map<std::string, std::vector<std::string>> seen;
  for (const json::value& one : *fields) {
    if (!one.is_object()) return bad("A field selector must be a structure.");
    const std::string field = text_of(one.get_object(), "Field");
    if (!any_of(kFieldNames, field))
      return bad("Field " + field + " is not one that can be selected.");
    if (seen.contains(field)) return bad("Field " + field + " is given twice in a selector.");
    std::vector<std::string>& equals = seen[field];
    size_t own = 0;
    for (const Operator& op : kOperators) {
      TRY(const auto list, Fields(one.get_object()).texts(op.name));
      const bool only_equals = field == "eventCategory" || field == "readOnly" ||
                               field == "resources.type" || field == "sessionCredentialFromConsole";
      if (!list.empty() && only_equals && std::string_view(op.name) != "Equals")
        return bad("Field " + field + " takes Equals only.");
      for (const std::string& value : list)
        if (value.empty() || value.size() > kConditionBytesMax)
          return bad("A value has 1 to 2048 characters.");
      own += list.size();
      if (std::string_view(op.name) == "Equals") equals = list;
    }
    if (!own) return bad("Field " + field + " has no value.");
    values += own;
  }
  const auto& category = seen["eventCategory"];
  if (category.size() != 1)
    return bad("An advanced event selector must have the field eventCategory with one Equals.");
  if (category[0] == "NetworkActivity") return bad("Sluice has no network activity events.");
  if (category[0] != "Management" && category[0] != "Data")
    return bad("eventCategory must be Management, Data or NetworkActivity.");
  const auto& type = seen["resources.type"];
  if (category[0] == "Data" ? type.size() != 1 : !type.empty() || !seen["resources.ARN"].empty())
    return bad(
        "Selectors of Data events have the field resources.type with one Equals; others have "
        "none.");
  if (category[0] == "Data" && !any_of(kDataTypes, type[0]))
    return bad("Sluice has no data events of the type " + type[0] + ".");
  return values;
}

Result<Done> check_advanced(const json::array& selectors) {
  size_t values = 0;
  if (selectors.empty()) return bad("AdvancedEventSelectors must not be empty.");
  for (const json::value& one : selectors) {
    if (!one.is_object()) return bad("An advanced event selector must be a structure.");
    TRY(const auto name, Fields(one.get_object()).text("Name"));
    if (name && name->size() > kSelectorNameMax)
      return bad("The name of a selector has at most 1000 characters.");
    TRY(const size_t own, check_fields(one.get_object()));
    values += own;
  }
  if (values > kConditionsMax)
    return bad("The number of values of all selectors exceeds the limit of 500.");
  return Done{};
}

std::vector<std::string> values_of(const json::object& record, std::string_view field) {
  std::vector<std::string> out;
  if (field.starts_with("resources.")) {
    const json::value* resources = record.if_contains("resources");
    for (const json::value& one :
         resources && resources->is_array() ? resources->get_array() : json::array()) {
      if (!one.is_object()) continue;
      const json::object& r = one.get_object();
      if (field == "resources.type")
        out.push_back(text_of(r, "type"));
      else
        out.push_back(text_of(r, r.contains("ARN") ? "ARN" : "ARNPrefix"));
    }
  } else if (field == "readOnly") {
    out.push_back(bool_of(record, "readOnly") ? "true" : "false");
  } else if (field == "sessionCredentialFromConsole") {
    out.push_back(text_of(record, field).empty() ? "false" : "true");
  } else if (field == "userIdentity.arn") {
    const json::value* identity = record.if_contains("userIdentity");
    out.push_back(identity && identity->is_object() ? text_of(identity->get_object(), "arn") : "");
  } else {
    out.push_back(text_of(record, field));
  }
  return out;
}
bool any_holds(const Operator& op, const std::vector<std::string>& values,
               const json::array& wanted) {
  for (const std::string& value : values)
    for (const json::value& w : wanted)
      if (op.holds(value, std::string_view(w.get_string()))) return true;
  return false;
}
// Of the resources of a data event only those of the selected type are looked at.
std::vector<std::string> arns_of(const json::object& record, const std::string& type) {
  std::vector<std::string> out;
  const auto types = values_of(record, "resources.type"), arns = values_of(record, "resources.ARN");
  for (size_t i = 0; i < types.size(); ++i)
    if (types[i] == type) out.push_back(arns[i]);
  return out;
}
bool chosen_by_fields(const json::object& selector, const json::object& record) {
  std::string type;
  for (const json::value& one : selector.at("FieldSelectors").as_array())
    if (text_of(one.as_object(), "Field") == "resources.type")
      type = one.at("Equals").as_array().at(0).as_string();
  for (const json::value& one : selector.at("FieldSelectors").as_array()) {
    const std::string field = text_of(one.as_object(), "Field");
    const auto values = field == "resources.ARN" ? arns_of(record, type) : values_of(record, field);
    bool positive = false, any_positive = false;
    for (const Operator& op : kOperators) {
      const json::value* wanted = one.as_object().if_contains(op.name);
      if (!wanted || !wanted->is_array() || wanted->get_array().empty()) continue;
      const bool holds = any_holds(op, values, wanted->get_array());
      if (op.negative && holds) return false;
      if (!op.negative) {
        any_positive = true;
        positive = positive || holds;
      }
    }
    if (any_positive && !positive) return false;
  }
  return true;
}
bool chosen_by_resources(const json::object& selector, const json::object& record) {
  const json::value* resources = selector.if_contains("DataResources");
  for (const json::value& one :
       resources && resources->is_array() ? resources->get_array() : json::array()) {
    for (const std::string& arn : arns_of(record, text_of(one.as_object(), "Type")))
      for (const json::value& value : one.at("Values").as_array())
        if (std::string_view(arn).starts_with(std::string_view(value.get_string()))) return true;
  }
  return false;
}
bool chosen_by_basic(const json::object& selector, const json::object& record) {
  const std::string kind = text_of(selector, "ReadWriteType");
  if ((kind == "ReadOnly" && !bool_of(record, "readOnly")) ||
      (kind == "WriteOnly" && bool_of(record, "readOnly")))
    return false;
  if (text_of(record, "eventCategory") != "Management")
    return chosen_by_resources(selector, record);
  const std::string source = text_of(record, "eventSource");
  for (const json::value& excluded : selector.at("ExcludeManagementEventSources").as_array())
    if (std::string_view(excluded.get_string()) == source) return false;
  return bool_of(selector, "IncludeManagementEvents");
}

json::array list_of(const json::object& selector, const char* name) {
  const json::value* v = selector.if_contains(name);
  return v && v->is_array() ? v->get_array() : json::array();
}
// Members that we do not know are not kept: nobody checked them.
json::object only(const json::object& from, const std::vector<const char*>& names) {
  json::object out;
  for (const char* name : names)
    if (const json::value* v = from.if_contains(name); v && !v->is_null()) out[name] = *v;
  return out;
}
json::object known_members(const json::object& advanced) {
  std::vector<const char*> members{"Field"};
  for (const Operator& op : kOperators) members.push_back(op.name);
  json::object out = only(advanced, {"Name"});
  json::array fields;
  for (const json::value& one : list_of(advanced, "FieldSelectors"))
    fields.push_back(only(one.as_object(), members));
  out["FieldSelectors"] = std::move(fields);
  return out;
}
// As AWS gives them back: every member is there.
json::object completed(const json::object& selector) {
  json::array resources;
  for (const json::value& one : list_of(selector, "DataResources"))
    resources.push_back(only(one.as_object(), {"Type", "Values"}));
  const json::value* include = selector.if_contains("IncludeManagementEvents");
  const std::string kind = text_of(selector, "ReadWriteType");
  return {{"ReadWriteType", kind.empty() ? "All" : kind},
          {"IncludeManagementEvents", !include || !include->is_bool() || include->get_bool()},
          {"DataResources", std::move(resources)},
          {"ExcludeManagementEventSources", list_of(selector, "ExcludeManagementEventSources")}};
}
}  // namespace

namespace {
// What is not delivered yet goes by the selectors that held then, this very call included: nobody
// hides what he did by looking away afterwards.
Result<Done> keep_earlier(Staged& staged, const json::object& trail,
                          const std::string& request_id) {
  constexpr size_t kEarlierMax = 50;
  const Key key = session_key(text_of(trail, "Name"), text_of(trail, "Session"));
  auto session = staged.get_json(key);
  if (!session) return Done{};
  json::array earlier = list_of(*session, "Earlier");
  if (earlier.size() >= kEarlierMax)
    return Error{400,
                 "ThrottlingException",
                 "The selectors of this trail were changed 50 times since its last delivery; try "
                 "again after the next.",
                 {}};
  earlier.push_back(
      json::object{{"Selectors", selectors_of(trail)}, {"Until", request_id}, {"Through", 0}});
  (*session)["Earlier"] = std::move(earlier);
  staged.put_json(key, *session);
  return Done{};
}
}  // namespace

json::array default_selectors() { return {completed({})}; }

Result<Done> check_selectors(const json::object& body) {
  TRY(const json::array* basic, Fields(body).array("EventSelectors"));
  TRY(const json::array* advanced, Fields(body).array("AdvancedEventSelectors"));
  if ((basic != nullptr) == (advanced != nullptr))
    return bad("Specify either EventSelectors or AdvancedEventSelectors, and not both.");
  return basic ? check_basic(*basic) : check_advanced(*advanced);
}
json::object selectors_of(const json::object& trail) {
  for (const char* kind : {"EventSelectors", "AdvancedEventSelectors"})
    if (const json::value* selectors = trail.if_contains(kind)) return {{kind, *selectors}};
  return {{"EventSelectors", default_selectors()}};
}
bool chooses(const json::object& selectors, const json::object& record) {
  for (const auto& [kind, list] : selectors)
    for (const json::value& one : list.as_array())
      if (kind == "EventSelectors" ? chosen_by_basic(one.as_object(), record)
                                   : chosen_by_fields(one.as_object(), record))
        return true;
  return false;
}

Result<OnTrailIn> PutEventSelectors::parse(const Request& request) {
  TRY(In in, parse_on_trail(request, member));
  CHECK(check_selectors(in.body));
  return in;
}
Result<json::object> PutEventSelectors::run(const Authorized<In>& in, Staged& staged) {
  const Scope& scope = staged.snapshot().scope();
  TRY(json::object trail, find_trail(staged, scope, *in));
  if (bool_of(trail, "Logging")) CHECK(keep_earlier(staged, trail, in.request_id()));
  trail.erase("EventSelectors");
  trail.erase("AdvancedEventSelectors");
  if (const json::value* basic = Fields(in->body).find("EventSelectors")) {
    json::array whole;
    for (const json::value& one : basic->as_array()) whole.push_back(completed(one.as_object()));
    if (whole.empty()) whole = default_selectors();
    trail["HasCustomEventSelectors"] = whole != default_selectors();
    trail["EventSelectors"] = std::move(whole);
  } else {
    json::array known;
    for (const json::value& one : in->body.at("AdvancedEventSelectors").as_array())
      known.push_back(known_members(one.as_object()));
    trail["AdvancedEventSelectors"] = std::move(known);
    trail["HasCustomEventSelectors"] = true;
  }
  staged.put_json(trail_key(in->name), trail);
  Out out = selectors_of(trail);
  out["TrailARN"] = trail_arn(scope, in->name);
  return out;
}
Result<json::object> GetEventSelectors::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const json::object trail, find_trail(s, s.scope(), *in));
  Out out = selectors_of(trail);
  out["TrailARN"] = trail_arn(s.scope(), in->name);
  return out;
}
Result<json::object> GetInsightSelectors::run(const Authorized<In>& in, const Snapshot& s) {
  CHECK(find_trail(s, s.scope(), *in));
  return Error{400,
               "InsightNotEnabledException",
               "Trail " + trail_arn(s.scope(), in->name) + " does not have Insights enabled.",
               {}};
}
Result<json::object> PutInsightSelectors::run(const Authorized<In>& in, Staged& staged) {
  CHECK(find_trail(staged, staged.snapshot().scope(), *in));
  TRY(const json::array* wanted, Fields(in->body).array("InsightSelectors"));
  if (!wanted)
    return Error{400, "InvalidInsightSelectorsException", "InsightSelectors must be given.", {}};
  if (!wanted->empty())
    return Error{
        400,
        "UnsupportedOperationException",
        "Sluice has no CloudTrail Insights: only an empty list of InsightSelectors is taken.",
        {}};
  return Out{{"TrailARN", trail_arn(staged.snapshot().scope(), in->name)},
             {"InsightSelectors", json::array{}}};
}

}  // namespace sluice::cloudtrail
