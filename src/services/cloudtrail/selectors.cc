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
  FieldSelector::Values FieldSelector::* values;
  bool negative;
  bool (*holds)(std::string_view value, std::string_view wanted);
};
constexpr Operator kOperators[] = {
    {"Equals", &FieldSelector::equals, false,
     [](std::string_view v, std::string_view w) { return v == w; }},
    {"StartsWith", &FieldSelector::starts_with, false,
     [](std::string_view v, std::string_view w) { return v.starts_with(w); }},
    {"EndsWith", &FieldSelector::ends_with, false,
     [](std::string_view v, std::string_view w) { return v.ends_with(w); }},
    {"NotEquals", &FieldSelector::not_equals, true,
     [](std::string_view v, std::string_view w) { return v == w; }},
    {"NotStartsWith", &FieldSelector::not_starts_with, true,
     [](std::string_view v, std::string_view w) { return v.starts_with(w); }},
    {"NotEndsWith", &FieldSelector::not_ends_with, true,
     [](std::string_view v, std::string_view w) { return v.ends_with(w); }}};

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
               const std::vector<std::string>& wanted) {
  for (const std::string& value : values)
    for (const std::string& w : wanted)
      if (op.holds(value, w)) return true;
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
bool chosen_by_fields(const AdvancedEventSelector& selector, const json::object& record) {
  std::string type;
  for (const FieldSelector& one : selector.fields)
    if (one.field == "resources.type") type = one.equals.value().at(0);
  for (const FieldSelector& one : selector.fields) {
    const auto values =
        one.field == "resources.ARN" ? arns_of(record, type) : values_of(record, one.field);
    bool positive = false, any_positive = false;
    for (const Operator& op : kOperators) {
      const FieldSelector::Values& wanted = one.*op.values;
      if (!wanted || wanted->empty()) continue;
      const bool holds = any_holds(op, values, *wanted);
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
bool chosen_by_resources(const EventSelector& selector, const json::object& record) {
  for (const DataResource& one : selector.data_resources)
    for (const std::string& arn : arns_of(record, one.type))
      for (const std::string& value : one.values.value_or(std::vector<std::string>{}))
        if (arn.starts_with(value)) return true;
  return false;
}
bool chosen_by_basic(const EventSelector& selector, const json::object& record) {
  const std::string& kind = selector.read_write_type;
  if ((kind == "ReadOnly" && !bool_of(record, "readOnly")) ||
      (kind == "WriteOnly" && bool_of(record, "readOnly")))
    return false;
  if (text_of(record, "eventCategory") != "Management")
    return chosen_by_resources(selector, record);
  const std::string source = text_of(record, "eventSource");
  if (std::find(selector.excluded_sources.begin(), selector.excluded_sources.end(), source) !=
      selector.excluded_sources.end())
    return false;
  return selector.management_events;
}

// One that was sent, and passed its check; members that we do not know are not kept. What AWS gives
// back of it has every member.
EventSelector basic_of(const json::object& sent) {
  EventSelector selector = members_from<EventSelector>(sent);
  if (selector.read_write_type.empty()) selector.read_write_type = "All";
  if (!Fields(sent).find("IncludeManagementEvents")) selector.management_events = true;
  return selector;
}
json::array shown(const std::vector<EventSelector>& selectors) {
  json::array out;
  for (const EventSelector& one : selectors) {
    json::array resources, excluded(one.excluded_sources.begin(), one.excluded_sources.end());
    for (const DataResource& resource : one.data_resources)
      resources.push_back(members_of(resource));
    out.push_back(json::object{{"ReadWriteType", one.read_write_type},
                               {"IncludeManagementEvents", one.management_events},
                               {"DataResources", std::move(resources)},
                               {"ExcludeManagementEventSources", std::move(excluded)}});
  }
  return out;
}
json::object shown(const Selectors& selectors) {
  json::object out;
  if (selectors.basic) out["EventSelectors"] = shown(*selectors.basic);
  if (selectors.advanced) {
    json::array& list = out["AdvancedEventSelectors"].emplace_array();
    for (const AdvancedEventSelector& one : *selectors.advanced) list.push_back(members_of(one));
  }
  return out;
}
}  // namespace

namespace {
// What is not delivered yet goes by the selectors that held then, this very call included: nobody
// hides what he did by looking away afterwards.
Result<Done> keep_earlier(Staged& staged, const Trail& trail, const std::string& request_id) {
  constexpr size_t kEarlierMax = 50;
  const auto key = session_key(trail.name, trail.session);
  auto session = staged.get(key);
  if (!session) return Done{};
  if (session->earlier.size() >= kEarlierMax)
    return Error{400,
                 "ThrottlingException",
                 "The selectors of this trail were changed 50 times since its last delivery; try "
                 "again after the next.",
                 {}};
  session->earlier.push_back({selectors_of(trail), request_id, 0});
  staged.put(key, *session);
  return Done{};
}
}  // namespace

std::vector<EventSelector> default_selectors() { return {basic_of({})}; }

Result<Done> check_selectors(const json::object& body) {
  TRY(const json::array* basic, Fields(body).array("EventSelectors"));
  TRY(const json::array* advanced, Fields(body).array("AdvancedEventSelectors"));
  if ((basic != nullptr) == (advanced != nullptr))
    return bad("Specify either EventSelectors or AdvancedEventSelectors, and not both.");
  return basic ? check_basic(*basic) : check_advanced(*advanced);
}
Selectors selectors_of(const Trail& trail) {
  if (trail.basic || trail.advanced) return static_cast<const Selectors&>(trail);
  return {default_selectors(), std::nullopt};
}
bool chooses(const Selectors& selectors, const json::object& record) {
  const auto any = [&](const auto& list, const auto& chosen_by) {
    return list && std::any_of(list->begin(), list->end(),
                               [&](const auto& one) { return chosen_by(one, record); });
  };
  return any(selectors.basic, chosen_by_basic) || any(selectors.advanced, chosen_by_fields);
}

Result<OnTrailIn> PutEventSelectors::parse(const Request& request) {
  TRY(In in, parse_on_trail(request, member));
  CHECK(check_selectors(in.body));
  return in;
}
Result<json::object> PutEventSelectors::run(const Authorized<In>& in, Staged& staged) {
  const Scope& scope = staged.snapshot().scope();
  TRY(Trail trail, find_trail(staged, *in));
  if (trail.logging) CHECK(keep_earlier(staged, trail, in.request_id()));
  trail.basic.reset();
  trail.advanced.reset();
  if (const json::value* basic = Fields(in->body).find("EventSelectors")) {
    auto& list = trail.basic.emplace();
    for (const json::value& one : basic->as_array()) list.push_back(basic_of(one.as_object()));
    if (list.empty()) list = default_selectors();
    trail.custom_selectors = list != default_selectors();
  } else {
    auto& list = trail.advanced.emplace();
    for (const json::value& one : in->body.at("AdvancedEventSelectors").as_array())
      list.push_back(members_from<AdvancedEventSelector>(one.as_object()));
    trail.custom_selectors = true;
  }
  staged.put(trail_key(in->name), trail);
  Out out = shown(selectors_of(trail));
  out["TrailARN"] = trail_arn(scope, in->name);
  return out;
}
Result<json::object> GetEventSelectors::run(const Authorized<In>& in, const Snapshot& s) {
  TRY(const Trail trail, find_trail(s, *in));
  Out out = shown(selectors_of(trail));
  out["TrailARN"] = trail_arn(s.scope(), in->name);
  return out;
}
Result<json::object> GetInsightSelectors::run(const Authorized<In>& in, const Snapshot& s) {
  CHECK(find_trail(s, *in));
  return Error{400,
               "InsightNotEnabledException",
               "Trail " + trail_arn(s.scope(), in->name) + " does not have Insights enabled.",
               {}};
}
Result<json::object> PutInsightSelectors::run(const Authorized<In>& in, Staged& staged) {
  CHECK(find_trail(staged, *in));
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
