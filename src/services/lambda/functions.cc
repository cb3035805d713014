// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/functions.h"

#include "base/bytes.h"
#include "base/random.h"
#include "services/lambda/code.h"
#include "services/lambda/layers.h"
#include "services/lambda/logging_config.h"
#include "services/lambda/runtimes.h"
#include "services/lambda/tags.h"
#include "services/lambda/versions.h"

namespace sluice::lambda {
namespace {
constexpr const char* kReserved[] = {"AWS_REGION",
                                     "AWS_DEFAULT_REGION",
                                     "AWS_ACCESS_KEY",
                                     "AWS_ACCESS_KEY_ID",
                                     "AWS_SECRET_ACCESS_KEY",
                                     "AWS_SESSION_TOKEN",
                                     "AWS_EXECUTION_ENV",
                                     "AWS_LAMBDA_FUNCTION_NAME",
                                     "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                                     "AWS_LAMBDA_FUNCTION_VERSION",
                                     "AWS_LAMBDA_INITIALIZATION_TYPE",
                                     "AWS_LAMBDA_LOG_GROUP_NAME",
                                     "AWS_LAMBDA_LOG_STREAM_NAME",
                                     "AWS_LAMBDA_RUNTIME_API",
                                     "LAMBDA_TASK_ROOT",
                                     "LAMBDA_RUNTIME_DIR"};
constexpr const char* kNotBuilt[] = {"VpcConfig",     "DeadLetterConfig",
                                     "KMSKeyArn",     "FileSystemConfigs",
                                     "ImageConfig",   "SnapStart",
                                     "TracingConfig", "CodeSigningConfigArn",
                                     "DurableConfig", "CapacityProviderConfig"};

Result<Done> check_environment(const json::object& variables) {
  size_t total = 0;
  std::string reserved;
  for (const auto& [key, value] : variables) {
    const std::string name(key);
    if (!value.is_string())
      return Error{400, "SerializationException", "Environment variables must be strings.", {}};
    total += name.size() + value.get_string().size();
    if (name.size() < 2 ||
        name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") !=
            std::string::npos ||
        !isalpha(static_cast<unsigned char>(name[0])) ||
        value.get_string().find('\0') != json::string::npos)
      return invalid("The name of environment variable '" + name.substr(0, 100) +
                     "' must match [a-zA-Z]([a-zA-Z0-9_])+");
    for (const char* one : kReserved)
      if (name == one) reserved += (reserved.empty() ? "" : ", ") + name;
  }
  if (!reserved.empty())
    return invalid(
        "Lambda was unable to configure your environment variables because the environment "
        "variables you have provided contains reserved keys that are currently not supported for "
        "modification. Reserved keys used in this request: " +
        reserved);
  if (total > kEnvironmentBytesMax)
    return invalid(
        "Lambda was unable to configure your environment variables because the environment "
        "variables you have provided exceeded the 4KB limit. String measured: " +
        std::to_string(total));
  return Done{};
}

// Takes the settings that CreateFunction and UpdateFunctionConfiguration share from the request
// into the record.
Result<Done> apply_settings(const json::object& body, Function& function) {
  const Fields fields(body);
  for (const char* later : kNotBuilt)
    if (const json::value* value = fields.find(later);
        value &&
        !(value->is_object() &&
          (value->get_object().empty() || text_of(value->get_object(), "Mode") == "PassThrough" ||
           text_of(value->get_object(), "ApplyOn") == "None")) &&
        !(value->is_array() && value->get_array().empty()))
      return invalid(std::string(later) + " is not implemented by Sluice yet.");
  TRY(const auto runtime, fields.text("Runtime"));
  if (runtime) CHECK(check_runtime_name(*runtime));
  if (runtime) function.runtime = *runtime;
  TRY(const auto role, fields.text("Role"));
  if (role) {
    const auto arn = parse_arn(*role);
    if (!arn || arn->service != "iam" || !arn->resource.starts_with("role/"))
      return Error{
          400,
          "ValidationException",
          "1 validation error detected: Value '" + role->substr(0, 200) +
              "' at 'role' failed to satisfy constraint: Member must satisfy regular expression "
              "pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+",
          {}};
    function.role = *role;
  }
  TRY(const auto handler, fields.text("Handler"));
  if (handler && (handler->size() > 128 || handler->find_first_of(" \t\n") != std::string::npos))
    return invalid("Handler must be at most 128 characters without blanks.");
  if (handler) function.handler = *handler;
  TRY(const auto description, fields.text("Description"));
  if (description && description->size() > 256)
    return invalid("Description must be at most 256 characters.");
  if (description) function.description = *description;
  TRY(const auto timeout, fields.integer("Timeout"));
  if (timeout && (*timeout < 1 || *timeout > kTimeoutMaxS))
    return Error{400,
                 "ValidationException",
                 "1 validation error detected: Value '" + std::to_string(*timeout) +
                     "' at 'timeout' failed to satisfy constraint: Member must have value less "
                     "than or equal to 900",
                 {}};
  if (timeout) function.timeout_s = *timeout;
  TRY(const auto memory, fields.integer("MemorySize"));
  if (memory && (*memory < kMemoryMinMb || *memory > kMemoryMaxMb))
    return invalid(
        "'MemorySize' value failed to satisfy constraint: Member must have value between 128 and "
        "10240");
  if (memory) function.memory_mb = *memory;
  TRY(const json::object* environment, fields.object("Environment"));
  if (environment) {
    TRY(const json::object* variables, Fields(*environment).object("Variables"));
    const json::object none;
    CHECK(check_environment(variables ? *variables : none));
    function.environment = variables ? *variables : none;
  }
  TRY(const json::object* storage, fields.object("EphemeralStorage"));
  if (storage && int_of(*storage, "Size") != 512)
    return invalid(
        "Sluice gives every function 512 MB of /tmp; EphemeralStorage.Size must be 512.");
  TRY(const json::object* logging, fields.object("LoggingConfig"));
  if (logging) CHECK(apply_logging(*logging, function));
  return Done{};
}

// Checks that the role lets lambda.amazonaws.com have its sessions.
Result<Done> check_role(const Authorized<NameIn>& in, const Function& function,
                        const Snapshot& snapshot) {
  const std::string& arn = function.role;
  const auto role = in.ports().identities->role(arn.substr(arn.rfind('/') + 1), snapshot);
  const Error refused = invalid("The role defined for the function cannot be assumed by Lambda.");
  if (!role || role->arn != arn) return refused;
  const Need need{"sts:AssumeRole", arn, {}, role->trust_policy.on(arn), ""};
  const Caller lambda = Gate::service_caller("lambda.amazonaws.com", snapshot.scope());
  if (!Gate::authorize({need}, in.facts(), lambda, in.ports(), snapshot)) return refused;
  return Done{};
}

// Reads, checks and seals the code, and names it in the record. The old code goes when no version
// has it any more. `dry_run` changes the record alone.
Result<Done> apply_code(const Authorized<NameIn>& in, const json::object& code, Function& function,
                        Staged& staged, bool dry_run = false) {
  if (Fields(code).find("ImageUri") || text_of(in->body, "PackageType") == "Image")
    return invalid("Container images are not implemented by Sluice; send a zip.");
  for (const json::value& one :
       in->body.contains("Architectures") && in->body.at("Architectures").is_array()
           ? in->body.at("Architectures").get_array()
           : json::array{})
    if (one != "x86_64")
      return invalid("This server runs functions of the architecture x86_64 only.");
  TRY(const Package package, read_package(code, "CreateFunction", PackageCall(in)));
  function.unpacked_bytes = static_cast<int64_t>(package.facts.unpacked_bytes);
  CHECK(check_whole_size(function, staged.snapshot()));
  function.code_bytes = static_cast<int64_t>(package.zip.size());
  function.code_sha256 = package.sha256;
  if (dry_run) return Done{};
  TRY(const SealedCode sealed,
      seal_package(package, code_context(staged.snapshot().scope(), in->name), in.ports(), staged));
  function.blob = sealed.blob;
  function.wrapped = sealed.wrapped;
  return Done{};
}

// A record that was written before functions had layers does not know how large its code is.
Result<Done> learn_unpacked_size(Function& function, const Ports& ports, const Snapshot& snapshot) {
  if (function.unpacked_bytes != 0) return Done{};
  TRY(const std::string zip,
      open_package(code_of(function), code_context(snapshot.scope(), function.name), ports,
                   snapshot));
  TRY(const PackageFacts facts, check_package(zip));
  function.unpacked_bytes = static_cast<int64_t>(facts.unpacked_bytes);
  return Done{};
}

void touch(Function& function, Time time) {
  function.modified = time;
  function.revision = random_uuid();
}
// An environment of what it is now starts when nobody waits for it yet.
void put_changed(Staged& staged, Function& function, Time at) {
  touch(function, at);
  staged.put(function_key(function.name), function);
  staged.enqueue({.queue = std::string(kAheadQueue),
                  .lane = function.name,
                  .event = members_of(AheadEvent{function.name})});
}

// What the role and the layers of the body need besides.
Result<std::vector<Need>> with_pass_role(std::string_view action, const NameIn& in,
                                         const Snapshot& s) {
  CHECK(check_place(in, s.scope()));
  std::vector<Need> needs{function_need(action, in, s)};
  if (const std::string role = text_of(in.body, "Role"); !role.empty())
    needs.push_back({"iam:PassRole",
                     role,
                     {{"iam:passedtoservice", {"lambda.amazonaws.com"}},
                      {"iam:associatedresourcearn", {function_arn(s.scope(), in.name)}}},
                     {},
                     ""});
  TRY(const std::vector<std::string> layers, layers_of(in.body));
  if (!layers.empty()) needs.front().context["lambda:layer"] = layers;
  for (const std::string& arn : layers)
    needs.push_back(layer_need("lambda:GetLayerVersion", arn, s));
  return needs;
}
// After the code has changed: what the API shows, of the new version with "Publish".
Result<JsonOut> answer_of(const Authorized<NameIn>& in, const Function& function, int status,
                          Staged& staged) {
  if (!bool_of(in->body, "Publish"))
    return JsonOut{status, shown_function(function, staged.snapshot())};
  TRY(const Version version, publish_version(staged, function, in.time()));
  return JsonOut{status, shown_function(version, staged.snapshot(), version.version)};
}

// What the caller must be allowed for the tags that a new function gets.
void add_tag_needs(std::vector<Need>& needs, const NameIn& in, const Snapshot& s) {
  const auto tags = tags_of(in.body);
  if (!tags || tags->empty()) return;
  Need tagging = function_need("lambda:TagResource", in, s);
  for (Need* need : {&needs.front(), &tagging}) add_request_tags(need->context, *tags);
  needs.push_back(std::move(tagging));
}
}  // namespace

json::object shown_function(const Function& f, const Snapshot& snapshot,
                            const std::string& qualifier) {
  const Scope& scope = snapshot.scope();
  std::string modified = iso_millis(f.modified);
  modified.replace(modified.size() - 1, 1, "+0000");
  json::object out{
      {"FunctionName", f.name},
      {"FunctionArn", function_arn(scope, FunctionName{f.name, {}, {}, qualifier}.qualified())},
      {"Runtime", f.runtime},
      {"Role", f.role},
      {"Handler", f.handler},
      {"CodeSize", f.code_bytes},
      {"Description", f.description},
      {"Timeout", f.timeout_s},
      {"MemorySize", f.memory_mb},
      {"LastModified", modified},
      {"CodeSha256", f.code_sha256},
      {"Version", f.version},
      {"TracingConfig", json::object{{"Mode", "PassThrough"}}},
      {"RevisionId", f.revision},
      {"State", "Active"},
      {"LastUpdateStatus", "Successful"},
      {"PackageType", "Zip"},
      {"Architectures", json::array{"x86_64"}},
      {"EphemeralStorage", json::object{{"Size", 512}}},
      {"SnapStart", json::object{{"ApplyOn", "None"}, {"OptimizationStatus", "Off"}}},
      {"LoggingConfig", shown_logging(f)}};
  if (!f.environment.empty()) out["Environment"] = json::object{{"Variables", f.environment}};
  if (!f.layers.empty()) out["Layers"] = shown_layers(f.layers, snapshot);
  return out;
}

Result<Done> check_revision(const json::object& body, const std::string& revision) {
  const std::string wanted = text_of(body, "RevisionId");
  if (!wanted.empty() && wanted != revision)
    return Error{412,
                 "PreconditionFailedException",
                 "The Revision Id provided does not match the latest Revision Id. Call the "
                 "GetFunction/GetAlias API to retrieve the latest Revision Id",
                 {}};
  return Done{};
}

Result<NameIn> CreateFunction::parse(const Request& request) {
  TRY(json::object body, parse_body(request));
  TRY(const std::string wanted, Fields(body).required_text("FunctionName"));
  Request named;
  named.params = {{"FunctionName", wanted}};
  NameIn in{{}, std::move(body)};
  TRY(static_cast<FunctionName&>(in), function_name_of(named));
  Function scratch;
  CHECK(apply_settings(in.body, scratch));
  for (const char* needed : {"Role", "Runtime", "Handler", "Code"})
    if (!Fields(in.body).find(needed))
      return invalid(std::string(needed) +
                     " is a mandatory parameter for functions created with deployment packages.");
  CHECK(check_whole(in));
  CHECK(tags_of(in.body));
  CHECK(layers_of(in.body));
  return in;
}
Result<std::vector<Need>> CreateFunction::needs(const In& in, const Snapshot& s, const Ports&) {
  TRY(std::vector<Need> needs, with_pass_role(action, in, s));
  add_tag_needs(needs, in, s);
  return needs;
}
Result<JsonOut> CreateFunction::run(const Authorized<In>& in, Staged& staged) {
  if (staged.get(function_key(in->name)))
    return Error{409, "ResourceConflictException", "Function already exist: " + in->name, {}};
  Function function{.name = in->name, .log_group = "/aws/lambda/" + in->name};
  CHECK(apply_settings(in->body, function));
  CHECK(in.ports().runtimes->get(function.runtime));
  CHECK(check_role(in, function, staged.snapshot()));
  TRY(function.layers, layers_of(in->body));
  TRY(function.tags, tags_of(in->body));
  TRY(const json::object* code, Fields(in->body).object("Code"));
  CHECK(apply_code(in, *code, function, staged));
  CHECK(hold_layers(staged, function.layers));
  put_changed(staged, function, in.time());
  return answer_of(in, function, 201, staged);
}

Result<std::vector<Need>> UpdateFunctionConfiguration::needs(const In& in, const Snapshot& s,
                                                             const Ports&) {
  return with_pass_role(action, in, s);
}
Result<JsonOut> UpdateFunctionConfiguration::run(const Authorized<In>& in, Staged& staged) {
  TRY(Function function, tracked_function(staged, *in));
  CHECK(check_revision(in->body, function.revision));
  CHECK(apply_settings(in->body, function));
  if (Fields(in->body).find("Runtime")) CHECK(in.ports().runtimes->get(function.runtime));
  if (Fields(in->body).find("Role")) CHECK(check_role(in, function, staged.snapshot()));
  if (Fields(in->body).find("Layers")) {
    const std::vector<std::string> before = function.layers;
    TRY(function.layers, layers_of(in->body));
    CHECK(hold_layers(staged, function.layers, before));
    CHECK(learn_unpacked_size(function, in.ports(), staged.snapshot()));
    CHECK(check_whole_size(function, staged.snapshot()));
  }
  put_changed(staged, function, in.time());
  return JsonOut{200, shown_function(function, staged.snapshot())};
}
Result<JsonOut> UpdateFunctionCode::run(const Authorized<In>& in, Staged& staged) {
  TRY(Function function, tracked_function(staged, *in));
  CHECK(check_revision(in->body, function.revision));
  const Function before = function;
  const bool dry_run = bool_of(in->body, "DryRun");
  CHECK(apply_code(in, in->body, function, staged, dry_run));
  if (dry_run) return JsonOut{200, shown_function(function, staged.snapshot())};
  put_changed(staged, function, in.time());
  release_code(staged, before, function);
  return answer_of(in, function, 200, staged);
}

Result<JsonOut> GetFunction::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto function, find_function(snapshot, *in));
  const auto latest = snapshot.get(function_key(in->name));
  JsonOut out{200, {{"Configuration", shown_function(*function, snapshot, in->qualifier)}}};
  json::object code{{"RepositoryType", "S3"}};
  const std::string target =
      "/2015-03-31/functions/" + in->name + "/code" +
      (in->qualifier.empty() ? "" : "?Qualifier=" + percent_encode(in->qualifier));
  if (const std::string url = location_of(target, PackageCall(in)); !url.empty())
    code["Location"] = url;
  out.body["Code"] = std::move(code);
  if (latest->reserved)
    out.body["Concurrency"] = json::object{{"ReservedConcurrentExecutions", *latest->reserved}};
  if (latest->tags.empty()) return out;
  const FunctionName whole{in->name, in->region, in->account, ""};
  if (const auto may = in.ask({function_need("lambda:ListTags", whole, snapshot)}, snapshot); may)
    out.body["Tags"] = latest->tags;
  else
    out.body["TagsError"] =
        json::object{{"ErrorCode", "AccessDeniedException"}, {"Message", may.error().message}};
  return out;
}
Result<JsonOut> GetFunctionConfiguration::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto function, find_function(snapshot, *in));
  return JsonOut{200, shown_function(*function, snapshot, in->qualifier)};
}
Result<ListFunctions::In> ListFunctions::parse(const Request& request) {
  TRY(const PageIn page, parse_page(request));
  const std::string versions = request.query_text("FunctionVersion");
  if (!versions.empty() && versions != "ALL")
    return Error{400,
                 "ValidationException",
                 "1 validation error detected: Value '" + versions.substr(0, 100) +
                     "' at 'functionVersion' failed to satisfy constraint: Member must satisfy "
                     "enum value set: [ALL]",
                 {}};
  return In{page, !versions.empty()};
}
// A marker is "name" of the last function that was listed, or "name:number" of its last version.
Result<JsonOut> ListFunctions::run(const Authorized<In>& in, const Snapshot& snapshot) {
  json::array functions;
  std::string last, next;
  const size_t colon = in->marker.find(':');
  const std::string after = in->marker.substr(0, colon),
                    number = colon == std::string::npos ? "" : in->marker.substr(colon + 1);
  if (!number.empty() && !is_number(number)) return invalid("Invalid marker.");
  const auto take = [&](const Function& function, const std::string& marker,
                        const std::string& qualifier) {
    if (functions.size() == static_cast<size_t>(in->max)) {
      next = last;
      return false;
    }
    functions.push_back(shown_function(function, snapshot, qualifier));
    last = marker;
    return true;
  };
  snapshot.scan(RecordPrefix<Function>{}, after.empty() ? "" : function_key(after).bytes, false,
                [&](std::string_view, const Function& function) {
                  const bool begun = function.name == after;
                  if (!begun && !take(function, function.name, in->versions ? "$LATEST" : ""))
                    return false;
                  if (!in->versions) return true;
                  snapshot.scan(RecordPrefix<Version>{function.name},
                                begun && !number.empty() ? version_key(after, number).bytes : "",
                                false, [&](std::string_view, const Version& version) {
                                  if (begun && version.version == number) return true;
                                  return take(version, version.name + ":" + version.version,
                                              version.version);
                                });
                  return next.empty();
                });
  JsonOut out{200, {{"Functions", std::move(functions)}}};
  if (!next.empty()) out.body["NextMarker"] = next;
  return out;
}

Result<JsonOut> DeleteFunction::run(const Authorized<In>& in, Staged& staged) {
  if (in->qualifier.empty()) return delete_function(*in, staged);
  if (in->qualifier == "$LATEST")
    return invalid("$LATEST version cannot be deleted without deleting the function.");
  if (!is_number(in->qualifier))
    return invalid("Deletion of aliases is not currently supported; call DeleteAlias.");
  return delete_version(*in, staged);
}

}  // namespace sluice::lambda
