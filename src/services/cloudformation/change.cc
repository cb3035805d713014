// SPDX-License-Identifier: Apache-2.0
#include "services/cloudformation/change.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace sluice::cloudformation {
namespace {
const Error kStopped{503, "Stopped", "", {}};
bool is_stop(const Error& error) { return error.code == "Stopped"; }

Resources resources_by_name(const Snapshot& snapshot, std::string_view id) {
  Resources out;
  for (StackResource& one : resources(snapshot, id)) {
    std::string name = one.name;
    out.emplace(std::move(name), std::move(one));
  }
  return out;
}
// Resolved and checked, as they are stored.
Result<json::object> final_properties(const ResourceSpec& spec, Values& values) {
  TRY(const json::object resolved, values.resolve_properties(spec.properties));
  return check_properties(*find_type(spec.type), resolved);
}
uint64_t newest_audit_record(const Ports& ports) {
  uint64_t newest = 0;
  ports.store->audit_scan(ports.store->snapshot(), 0, [&](uint64_t sequence, std::string_view) {
    newest = sequence;
    return false;
  });
  return newest;
}
}  // namespace

Values values_of(const Stack& stack, const Template& t, const ParameterValues& parameters,
                 const Scope& scope, const Resources& records) {
  Values values(t, parameters, scope, stack.name, stack.arn);
  for (const auto& [name, record] : records)
    if (record.exists) values.add_resource(name, record.physical, record.attributes);
  return values;
}

Result<std::vector<Difference>> differences(const Stack& stack, const Template& wanted,
                                            const ParameterValues& parameters,
                                            const Snapshot& snapshot, bool& outputs_differ) {
  const Resources records = resources_by_name(snapshot, stack.id);
  Values values = values_of(stack, wanted, parameters, snapshot.scope(), records);
  std::vector<Difference> out;
  std::set<std::string> kept;
  for (const ResourceSpec& spec : wanted.resources) {
    TRY(const bool there, values.condition(spec.condition));
    if (!there) continue;
    kept.insert(spec.name);
    const auto record = records.find(spec.name);
    if (record == records.end() || !record->second.exists) {
      out.push_back({"Add", spec.name, "", spec.type, ""});
      continue;
    }
    const auto properties =
        final_properties(spec, values);  // an error: it names a resource that is not there yet
    const StackResource& now = record->second;
    const json::object& before = now.properties;
    const bool retyped = now.type != spec.type;
    if (!retyped && properties && *properties == before && now.policy == spec.deletion_policy)
      continue;
    out.push_back({"Modify", spec.name, now.physical, spec.type,
                   retyped      ? "Type"
                   : properties ? needs_replacement(*find_type(spec.type), before, *properties)
                                : ""});
  }
  for (const auto& [name, record] : records)
    if (record.exists && !kept.contains(name))
      out.push_back({"Remove", name, record.physical, record.type, ""});
  std::vector<Output> now_shown;
  outputs_differ = false;
  for (const OutputSpec& output : wanted.outputs) {
    TRY(const bool there, values.condition(output.condition));
    if (!there) continue;
    const auto text = values.text(output.value);
    if (!text) {
      outputs_differ = true;
      break;
    }
    now_shown.push_back({output.name, *text, output.description});
  }
  outputs_differ = outputs_differ || stack.outputs != now_shown;
  return out;
}

Change::Change(const Ports& ports, Stack stack, const Job& job, const Stopping& stopping)
    : ports_(ports),
      stack_(std::move(stack)),
      id_(stack_.id),
      job_(job),
      stopping_(stopping),
      records_(resources_by_name(ports_.store->snapshot(), id_)) {}

void Change::run(const std::string& kind, const Result<Caller>& owner) {
  Step done = Done{};
  if (!owner) {
    const std::string& status = stack_.status;
    done = finish(status == "DELETE_IN_PROGRESS" ? "DELETE_FAILED"
                  : status.starts_with("UPDATE") ? "UPDATE_ROLLBACK_FAILED"
                                                 : "ROLLBACK_FAILED",
                  owner.error().message);
  } else {
    calls_.emplace(ports_, *owner);
    const bool begun = std::exchange(stack_.begun, true);
    done = keep([&](Staged& staged) { staged.put(stack_key(id_), stack_); });
    if (done)
      done = begun              ? take_up()
             : kind == "create" ? create()
             : kind == "update" ? update()
                                : remove();
  }
  if (!done && !is_stop(done.error()))
    spdlog::error("the stack {} could not be worked on: {}", stack_.name, done.error().message);
}

// ---- storing
Change::Step Change::keep(const std::function<void(Staged&)>& fn) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    Staged staged = ports_.store->stage();
    const Stack before = stack_;
    fn(staged);
    const auto committed = ports_.store->commit(std::move(staged), {});
    if (committed) return Done{};
    stack_ = before;  // its event counter, for the next attempt
    if (committed.error().code != "Conflict") break;
  }
  return kStopped;  // the store is read-only: taken up at the next start
}
Change::Step Change::record_event(StackResource& record, std::string_view status,
                                  const std::string& reason, const std::string& properties) {
  record.status = status;
  record.reason = reason;
  record.time = now();
  return keep([&](Staged& staged) {
    add_event(staged, stack_,
              {.logical = record.name,
               .physical = record.physical,
               .type = record.type,
               .status = record.status,
               .reason = reason,
               .properties = properties});
    staged.put(stack_key(id_), stack_);
    staged.put(resource_key(id_, record.name), record);
  });
}
Change::Step Change::finish(std::string_view status, const std::string& reason) {
  stack_.begun = false;
  stack_.work.clear();
  return keep([&](Staged& staged) {
    set_status(staged, stack_, status, reason);
    if (status == "DELETE_COMPLETE") {
      stack_.deleted = now();
      staged.put(stack_key(id_), stack_);
      if (staged.get(name_key(stack_.name)) == id_) staged.erase(name_key(stack_.name));
    }
    if (!status.ends_with("_FAILED"))
      for (const auto& [name, record] : records_) {
        if (status.starts_with("UPDATE") && !record.exists)
          staged.erase(resource_key(id_, name));
        else
          staged.put(resource_key(id_, name), record);
      }
    staged.finish(job_);
  });
}

// ---- one resource
Change::Step Change::make(const ResourceSpec& spec, const Template& t,
                          const ParameterValues& parameters, bool in_update) {
  if (stopping_()) return kStopped;
  const Type& type = *find_type(spec.type);
  StackResource& record = records_[spec.name];
  record = StackResource{.name = spec.name,
                         .type = spec.type,
                         .depends = spec.depends_on,
                         .policy = spec.deletion_policy,
                         .is_new = in_update};
  Values values = values_of(stack_, t, parameters, ports_.store->scope(), records_);
  auto properties = final_properties(spec, values);
  if (!properties) {
    CHECK(record_event(record, "CREATE_IN_PROGRESS", ""));
    CHECK(record_event(record, "CREATE_FAILED", properties.error().message));
    return std::move(properties).error();
  }
  Values shown = values_of(stack_, t, parameters, ports_.store->scope(), records_);
  shown.mask();
  const auto masked = final_properties(spec, shown);
  const std::string text = masked ? json::serialize(*masked) : "";
  // The name is stored before the call: after a crash it says what to look for.
  Made made{physical_name(type, *properties, stack_.name, spec.name), {}, false};
  record.physical = made.physical;
  record.properties = *properties;
  record.began = newest_audit_record(ports_);
  CHECK(record_event(record, "CREATE_IN_PROGRESS", "", text));
  const auto outcome = type.create(calls(), *properties, made);
  record.physical = made.exists ? made.physical : "";
  record.attributes = made.attributes;
  record.exists = made.exists;
  if (made.exists)
    CHECK(record_event(record, "CREATE_IN_PROGRESS", "Resource creation Initiated", text));
  if (!outcome) {
    CHECK(record_event(record, "CREATE_FAILED", outcome.error().message, text));
    return outcome.error();
  }
  return record_event(record, "CREATE_COMPLETE", "", text);
}

// Changes the resource in place; "Before" stays until the update is complete.
Change::Step Change::apply(StackResource& record, const json::object& before,
                           const json::object& after) {
  const Type& type = *find_type(record.type);
  Made made{record.physical, record.attributes, true};
  const auto outcome = type.update(calls(), before, after, made);
  record.physical = made.physical;
  record.attributes = made.attributes;
  if (!outcome) {
    CHECK(record_event(record, "UPDATE_FAILED", outcome.error().message));
    return outcome.error();
  }
  return record_event(record, "UPDATE_COMPLETE", "");
}
Change::Step Change::alter(const ResourceSpec& spec, const Template& t,
                           const ParameterValues& parameters, StackResource& record) {
  if (stopping_()) return kStopped;
  Values values = values_of(stack_, t, parameters, ports_.store->scope(), records_);
  auto properties = final_properties(spec, values);
  std::string refused;
  if (!properties)
    refused = properties.error().message;
  else if (record.type != spec.type)
    refused = "The type of a resource cannot be changed; give the new one another logical id.";
  else if (const std::string property =
               needs_replacement(*find_type(spec.type), record.properties, *properties);
           !property.empty())
    refused = "A change of " + property + " needs a replacement of this " + spec.type +
              ", which Sluice does not make. Give the new resource another logical id.";
  if (!refused.empty()) {
    CHECK(record_event(record, "UPDATE_FAILED", refused));
    return validation(refused);
  }
  record.depends = spec.depends_on;
  record.policy = spec.deletion_policy;
  if (*properties == record.properties) return Done{};
  const json::object before = record.properties;
  record.before = before;
  record.properties = *properties;
  CHECK(record_event(record, "UPDATE_IN_PROGRESS", ""));
  return apply(record, before, *properties);
}

Change::Step Change::remove_one(StackResource& record, std::string& failed) {
  if (stopping_()) return kStopped;
  const std::string& name = record.name;
  CHECK(record_event(record, "DELETE_IN_PROGRESS", ""));
  const auto outcome = find_type(record.type)->remove(calls(), record.properties, record.physical);
  if (!outcome) {
    failed += (failed.empty() ? "" : ", ") + name;
    return record_event(record, "DELETE_FAILED", outcome.error().message);
  }
  record.exists = false;
  return record_event(record, "DELETE_COMPLETE", "");
}

Result<std::string> Change::remove_all(const std::function<bool(const StackResource&)>& wanted,
                                       bool rolling_back_create) {
  std::string failed;
  std::vector<std::string> left;
  for (const auto& [name, record] : records_)
    if (record.exists && wanted(record)) left.push_back(name);
  const auto depends = [&](const std::string& name, const std::string& on) {
    const std::vector<std::string>& list = records_[name].depends;
    return std::find(list.begin(), list.end(), on) != list.end();
  };
  // A resource that something left still needs waits, also when that could not be removed.
  std::set<std::string> gave_up;
  for (;;) {
    auto next = std::find_if(left.begin(), left.end(), [&](const std::string& name) {
      return !gave_up.contains(name) &&
             std::none_of(left.begin(), left.end(),
                          [&](const std::string& other) { return depends(other, name); });
    });
    if (next == left.end() && gave_up.empty())
      next = left.begin();  // an interrupted update can leave a circle
    if (next == left.end()) break;
    StackResource& record = records_[*next];
    const std::string& policy = record.policy;
    if (policy == "Retain" || (policy == "RetainExceptOnCreate" && !rolling_back_create)) {
      record.exists = false;
      CHECK(record_event(record, "DELETE_SKIPPED", ""));
    } else {
      CHECK(remove_one(record, failed));
    }
    if (record.exists)
      gave_up.insert(*next);
    else
      left.erase(next);
  }
  return failed;
}

// ---- create
Change::Step Change::create() {
  TRY(const Template t, parse_template(stack_.body));
  const ParameterValues& parameters = stack_.parameters;
  Values conditions = values_of(stack_, t, parameters, ports_.store->scope(), {});
  for (const ResourceSpec& spec : t.resources) {
    const auto there = conditions.condition(spec.condition);
    if (there && !*there) continue;
    Step made = there ? make(spec, t, parameters, false) : Step(there.error());
    if (made) continue;
    if (is_stop(made.error())) return made;
    return roll_back_create("The following resource(s) failed to create: [" + spec.name + "].");
  }
  auto shown = outputs(t, parameters);
  if (!shown) return roll_back_create(shown.error().message);
  stack_.outputs = *std::move(shown);
  return finish("CREATE_COMPLETE", "");
}
Change::Step Change::roll_back_create(const std::string& why) {
  const std::string& wanted = stack_.on_failure;
  if (wanted == "DO_NOTHING") return finish("CREATE_FAILED", why);
  if (wanted == "DELETE") {
    CHECK(keep([&](Staged& staged) {
      set_status(staged, stack_, "DELETE_IN_PROGRESS", why + " Delete requested by user.");
    }));
    return remove();
  }
  if (stack_.status != "ROLLBACK_IN_PROGRESS")
    CHECK(keep([&](Staged& staged) {
      set_status(staged, stack_, "ROLLBACK_IN_PROGRESS", why + " Rollback requested by user.");
    }));
  TRY(const std::string failed, remove_all([](const StackResource&) { return true; }, true));
  if (!failed.empty())
    return finish("ROLLBACK_FAILED",
                  "The following resource(s) failed to delete: [" + failed + "].");
  return finish("ROLLBACK_COMPLETE", "");
}

// ---- delete
Change::Step Change::remove() {
  CHECK(settle_unfinished());
  for (const std::string& name : stack_.retain)
    if (const auto it = records_.find(name); it != records_.end()) it->second.policy = "Retain";
  TRY(const std::string failed, remove_all([](const StackResource&) { return true; }, false));
  if (!failed.empty())
    return finish("DELETE_FAILED", "The following resource(s) failed to delete: [" + failed + "].");
  return finish("DELETE_COMPLETE", "");
}

// ---- update
Change::Step Change::update() {
  const Plan next = stack_.next.value();
  TRY(const Template t, parse_template(next.body));
  const ParameterValues& parameters = next.parameters;
  Values conditions = values_of(stack_, t, parameters, ports_.store->scope(), {});
  for (const ResourceSpec& spec : t.resources) {
    const auto there = conditions.condition(spec.condition);
    if (there && !*there) continue;
    const auto record = records_.find(spec.name);
    const bool is_new = record == records_.end() || !record->second.exists;
    Step done = !there   ? Step(there.error())
                : is_new ? make(spec, t, parameters, true)
                         : alter(spec, t, parameters, record->second);
    if (done) continue;
    if (is_stop(done.error())) return done;
    return roll_back_update("The following resource(s) failed to " +
                            std::string(is_new ? "create" : "update") + ": [" + spec.name + "].");
  }
  auto shown = outputs(t, parameters);
  if (!shown) return roll_back_update(shown.error().message);
  stack_.next_outputs = *std::move(shown);
  CHECK(keep([&](Staged& staged) {
    set_status(staged, stack_, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "");
  }));
  return clean_up_update(t, parameters);
}
Change::Step Change::clean_up_update(const Template& t, const ParameterValues& parameters) {
  Values conditions = values_of(stack_, t, parameters, ports_.store->scope(), {});
  std::set<std::string> kept;
  for (const ResourceSpec& spec : t.resources) {
    TRY(const bool there, conditions.condition(spec.condition));
    if (there) kept.insert(spec.name);
  }
  // As on AWS, what cannot be removed does not undo the update: its DELETE_FAILED event says why,
  // and the stack lets go of it.
  CHECK(
      remove_all([&](const StackResource& record) { return !kept.contains(record.name); }, false));
  for (auto& [name, record] : records_)
    if (!kept.contains(name)) record.exists = false;
  forget_before();
  static_cast<Plan&>(stack_) = stack_.next.value();
  stack_.outputs = stack_.next_outputs.value();
  stack_.next.reset();
  stack_.next_outputs.reset();
  return finish("UPDATE_COMPLETE", "");
}
Change::Step Change::roll_back_update(const std::string& why) {
  if (stack_.status != "UPDATE_ROLLBACK_IN_PROGRESS")
    CHECK(keep(
        [&](Staged& staged) { set_status(staged, stack_, "UPDATE_ROLLBACK_IN_PROGRESS", why); }));
  std::string failed;
  for (auto& [name, record] : records_) {
    if (!record.before) continue;
    if (stopping_()) return kStopped;
    const json::object before = *record.before, after = record.properties;
    CHECK(record_event(record, "UPDATE_IN_PROGRESS", ""));
    Step done = apply(record, after, before);
    if (!done && is_stop(done.error())) return done;
    if (!done) {
      failed += (failed.empty() ? "" : ", ") + name;
      continue;
    }
    record.properties = before;
    record.before.reset();
    CHECK(keep([&](Staged& staged) { staged.put(resource_key(id_, name), record); }));
  }
  if (!failed.empty())
    return finish("UPDATE_ROLLBACK_FAILED",
                  "The following resource(s) failed to update: [" + failed + "].");
  CHECK(keep([&](Staged& staged) {
    set_status(staged, stack_, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "");
  }));
  return finish_update_rollback();
}
Change::Step Change::finish_update_rollback() {
  CHECK(remove_all([](const StackResource& record) { return record.is_new; }, true));
  for (auto& [name, record] : records_)
    if (record.is_new) record.exists = false;
  // Order and deletion policy are those of the template that stays.
  TRY(const Template t, parse_template(stack_.body));
  for (const ResourceSpec& spec : t.resources)
    if (const auto it = records_.find(spec.name); it != records_.end()) {
      it->second.depends = spec.depends_on;
      it->second.policy = spec.deletion_policy;
    }
  forget_before();
  stack_.next.reset();
  stack_.next_outputs.reset();
  return finish("UPDATE_ROLLBACK_COMPLETE", "");
}
void Change::forget_before() {
  for (auto& [name, record] : records_) {
    record.before.reset();
    record.is_new = false;
  }
}
Result<std::vector<Output>> Change::outputs(const Template& t, const ParameterValues& parameters) {
  Values values = values_of(stack_, t, parameters, ports_.store->scope(), records_);
  std::vector<Output> out;
  for (const OutputSpec& output : t.outputs) {
    TRY(const bool there, values.condition(output.condition));
    if (!there) continue;
    TRY(const std::string text, values.text(output.value));
    out.push_back({output.name, text, output.description});
  }
  return out;
}

// ---- after a restart
namespace {
// Whether our call was carried out is in the audit log, in the same commit as what it made. The
// record, if there is one. Lambda's event names end with the date of its API.
std::optional<json::object> carried_out(const Ports& ports, const Type& type,
                                        const std::string& physical, uint64_t began) {
  std::optional<json::object> found;
  ports.store->audit_scan(
      ports.store->snapshot(), 0, [&](uint64_t sequence, std::string_view text) {
        if (sequence <= began) return false;
        auto record = parse_json_object(text);
        if (!record || record->contains("errorCode") ||
            !text_of(*record, "eventName").starts_with(type.made_by))
          return true;
        const json::value *identity = record->if_contains("userIdentity"),
                          *parameters = record->if_contains("requestParameters");
        const bool ours =
            identity && identity->is_object() &&
            text_of(identity->get_object(), "invokedBy") == "cloudformation.amazonaws.com";
        const bool named =
            physical.empty() ||
            (parameters && json::serialize(*parameters)
                                   .find(json::serialize(json::value(json::string(physical)))) !=
                               std::string::npos);
        if (ours && named) found = *std::move(record);
        return !found;
      });
  return found;
}
}  // namespace

// The one resource that was being made when the server stopped: is it there?
Change::Step Change::settle_unfinished() {
  for (auto& [name, record] : records_) {
    if (record.status != "CREATE_IN_PROGRESS" || record.exists) continue;
    const Type& type = *find_type(record.type);
    const auto call = type.made_by.empty()
                          ? std::nullopt
                          : carried_out(ports_, type, record.physical, record.began);
    record.exists = type.made_by.empty() || call;
    if (call && record.physical.empty()) {  // the service gave the name: a key's id
      const json::value* made = call->if_contains("responseElements");
      const json::value* metadata =
          made && made->is_object() ? made->get_object().if_contains("keyMetadata") : nullptr;
      record.physical =
          metadata && metadata->is_object() ? text_of(metadata->get_object(), "keyId") : "";
      record.exists = !record.physical.empty();
    }
    CHECK(record_event(record, "CREATE_FAILED",
                       "The server stopped while this resource was being made."));
  }
  return Done{};
}
Change::Step Change::take_up() {
  const std::string status = stack_.status, why = "The server stopped during the change.";
  if (status == "DELETE_IN_PROGRESS") return remove();
  CHECK(settle_unfinished());
  if (status == "CREATE_IN_PROGRESS" || status == "ROLLBACK_IN_PROGRESS")
    return roll_back_create(why);
  if (status == "UPDATE_IN_PROGRESS" || status == "UPDATE_ROLLBACK_IN_PROGRESS")
    return roll_back_update(why);
  if (status == "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS") return finish_update_rollback();
  if (status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS") {
    const Plan next = stack_.next.value();
    TRY(const Template t, parse_template(next.body));
    return clean_up_update(t, next.parameters);
  }
  return keep([&](Staged& staged) { staged.finish(job_); });
}

}  // namespace sluice::cloudformation
