// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/functions.h"

#include "base/bytes.h"
#include "base/random.h"
#include "crypto/crypto.h"
#include "services/lambda/package.h"
#include "services/lambda/runtimes.h"
#include "services/lambda/logging_config.h"

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
constexpr const char* kNotBuilt[] = {
    "VpcConfig",     "DeadLetterConfig",      "KMSKeyArn",
    "Layers",        "FileSystemConfigs",     "ImageConfig",
    "SnapStart",     "TracingConfig",         "CodeSigningConfigArn",
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

// Reads an object of S3 in the caller's name, by a call like any other.
Result<std::string> code_from_s3(const Authorized<NameIn>& in, const json::object& code) {
  const std::string bucket = text_of(code, "S3Bucket"), key = text_of(code, "S3Key"),
                    version = text_of(code, "S3ObjectVersion");
  Request request;
  request.method = "GET";
  request.target = "/" + percent_encode(bucket) + "/" + percent_encode(key, true) +
                   (version.empty() ? "" : "?versionId=" + percent_encode(version));
  request.source_ip = in.source_ip();
  request.tls_version = in.facts().tls_version;
  request.headers.add("host", "s3." + in.ports().store->scope().region + ".amazonaws.com");
  request.headers.add("user-agent", "lambda.amazonaws.com");
  Response answer = in.ports().dispatcher->call("s3", "GetObject", std::move(request), in.caller());
  if (answer.status != 200)
    return invalid("Error occurred while GetObject. S3 answered " + std::to_string(answer.status) +
                   " for s3://" + bucket + "/" + key +
                   ". Check that it exists and that you may read it.");
  if (answer.stream_bytes > kUnzippedBytesMax)
    return invalid("Unzipped size must be smaller than 262144000 bytes");
  std::string zip = std::move(answer.body);
  while (answer.stream && zip.size() < answer.stream_bytes) {
    TRY(const std::string piece, answer.stream->next());
    if (piece.empty())
      return Error{500, "ServiceException", "The code could not be read from S3.", {}};
    zip += piece;
  }
  return zip;
}

// Reads, checks and seals the code, names it in the record, and releases the old code.
Result<Done> apply_code(const Authorized<NameIn>& in, const json::object& code, Function& function,
                        Staged& staged) {
  if (Fields(code).find("ImageUri") || text_of(in->body, "PackageType") == "Image")
    return invalid("Container images are not implemented by Sluice; send a zip.");
  for (const json::value& one :
       in->body.contains("Architectures") && in->body.at("Architectures").is_array()
           ? in->body.at("Architectures").get_array()
           : json::array{})
    if (one != "x86_64")
      return invalid("This server runs functions of the architecture x86_64 only.");
  std::string zip;
  if (Fields(code).find("ZipFile")) {
    const auto bytes = unbase64(text_of(code, "ZipFile"));
    if (!bytes) return Error{400, "SerializationException", "ZipFile must be base64.", {}};
    if (bytes->size() > kZipBytesMax)
      return Error{413,
                   "RequestEntityTooLargeException",
                   "Request must be smaller than " + std::to_string(kZipBytesMax) +
                       " bytes for the CreateFunction operation",
                   {}};
    zip = *bytes;
  } else if (Fields(code).find("S3Bucket") && Fields(code).find("S3Key")) {
    TRY(zip, code_from_s3(in, code));
  } else {
    return invalid("Please provide a source for function code.");
  }
  CHECK(check_package(zip));
  TRY(const DataKey key,
      in.ports().data_keys->generate("alias/aws/lambda",
                                     code_context(staged.snapshot().scope(), in->name), staged));
  auto writer = in.ports().store->write_blob(key.plain);
  CHECK(writer->write(zip));
  TRY(const BlobRef blob, writer->finish());
  staged.adopt(blob);
  if (!function.blob.empty()) staged.release(function.code());
  function.blob = blob.id;
  function.wrapped = base64(key.wrapped);
  function.code_bytes = static_cast<int64_t>(zip.size());
  function.code_sha256 = base64(sha256(zip));
  return Done{};
}

void touch(Function& function, Time time) {
  function.modified = time;
  function.revision = random_uuid();
}

json::object shown(const Function& f, const Scope& scope) {
  std::string modified = iso_millis(f.modified);
  modified.replace(modified.size() - 1, 1, "+0000");
  json::object out{{"FunctionName", f.name},
                   {"FunctionArn", function_arn(scope, f.name)},
                   {"Runtime", f.runtime},
                   {"Role", f.role},
                   {"Handler", f.handler},
                   {"CodeSize", f.code_bytes},
                   {"Description", f.description},
                   {"Timeout", f.timeout_s},
                   {"MemorySize", f.memory_mb},
                   {"LastModified", modified},
                   {"CodeSha256", f.code_sha256},
                   {"Version", "$LATEST"},
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
  return out;
}

Result<std::vector<Need>> with_pass_role(std::string_view action, const NameIn& in,
                                         const Snapshot& s) {
  CHECK(check_place(in, s.scope()));
  std::vector<Need> needs{function_need(action, in.name, s)};
  if (const std::string role = text_of(in.body, "Role"); !role.empty())
    needs.push_back({"iam:PassRole",
                     role,
                     {{"iam:passedtoservice", {"lambda.amazonaws.com"}},
                      {"iam:associatedresourcearn", {function_arn(s.scope(), in.name)}}},
                     {},
                     ""});
  return needs;
}
Result<Done> check_revision(const json::object& body, const Function& function) {
  const std::string wanted = text_of(body, "RevisionId");
  if (!wanted.empty() && wanted != function.revision)
    return Error{412,
                 "PreconditionFailedException",
                 "The Revision Id provided does not match the latest Revision Id. Call the "
                 "GetFunction API to retrieve the latest Revision Id",
                 {}};
  return Done{};
}
}  // namespace

Result<NameIn> CreateFunction::parse(const Request& request) {
  auto body = parse_json_object(request.body);
  if (!body)
    return Error{400,
                 "InvalidRequestContentException",
                 "Could not parse request body into json: " + body.error().message,
                 {}};
  TRY(const std::string wanted, Fields(*body).required_text("FunctionName"));
  Request named;
  named.params = {{"FunctionName", wanted}};
  NameIn in{{}, *std::move(body)};
  TRY(static_cast<FunctionName&>(in), function_name_of(named));
  Function scratch;
  CHECK(apply_settings(in.body, scratch));
  for (const char* needed : {"Role", "Runtime", "Handler", "Code"})
    if (!Fields(in.body).find(needed))
      return invalid(std::string(needed) +
                     " is a mandatory parameter for functions created with deployment packages.");
  if (bool_of(in.body, "Publish"))
    return invalid("Versions are not implemented by Sluice yet; leave Publish out.");
  if (const json::value* tags = Fields(in.body).find("Tags");
      tags && !(tags->is_object() && tags->get_object().empty()))
    return invalid("Tags are not implemented by Sluice yet.");
  return in;
}
Result<std::vector<Need>> CreateFunction::needs(const In& in, const Snapshot& s, const Ports&) {
  return with_pass_role(action, in, s);
}
Result<JsonOut> CreateFunction::run(const Authorized<In>& in, Staged& staged) {
  if (staged.get(function_key(in->name)))
    return Error{409, "ResourceConflictException", "Function already exist: " + in->name, {}};
  Function function{.name = in->name, .log_group = "/aws/lambda/" + in->name};
  CHECK(apply_settings(in->body, function));
  CHECK(in.ports().runtimes->get(function.runtime));
  CHECK(check_role(in, function, staged.snapshot()));
  TRY(const json::object* code, Fields(in->body).object("Code"));
  CHECK(apply_code(in, *code, function, staged));
  touch(function, in.time());
  staged.put(function_key(in->name), function);
  return JsonOut{201, shown(function, staged.snapshot().scope())};
}

Result<std::vector<Need>> UpdateFunctionConfiguration::needs(const In& in, const Snapshot& s,
                                                             const Ports&) {
  return with_pass_role(action, in, s);
}
Result<JsonOut> UpdateFunctionConfiguration::run(const Authorized<In>& in, Staged& staged) {
  auto function = staged.get(function_key(in->name));
  if (!function) return not_found(staged.snapshot().scope(), in->name);
  CHECK(check_revision(in->body, *function));
  CHECK(apply_settings(in->body, *function));
  if (Fields(in->body).find("Runtime")) CHECK(in.ports().runtimes->get(function->runtime));
  if (Fields(in->body).find("Role")) CHECK(check_role(in, *function, staged.snapshot()));
  touch(*function, in.time());
  staged.put(function_key(in->name), *function);
  return JsonOut{200, shown(*function, staged.snapshot().scope())};
}
Result<JsonOut> UpdateFunctionCode::run(const Authorized<In>& in, Staged& staged) {
  auto function = staged.get(function_key(in->name));
  if (!function) return not_found(staged.snapshot().scope(), in->name);
  CHECK(check_revision(in->body, *function));
  if (bool_of(in->body, "Publish"))
    return invalid("Versions are not implemented by Sluice yet; leave Publish out.");
  if (bool_of(in->body, "DryRun"))
    return invalid("DryRun of UpdateFunctionCode is not implemented by Sluice yet.");
  CHECK(apply_code(in, in->body, *function, staged));
  touch(*function, in.time());
  staged.put(function_key(in->name), *function);
  return JsonOut{200, shown(*function, staged.snapshot().scope())};
}

Result<JsonOut> GetFunction::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const auto function = snapshot.get(function_key(in->name));
  if (!function) return not_found(snapshot.scope(), in->name);
  JsonOut out{200,
              {{"Configuration", shown(*function, snapshot.scope())},
               {"Code", json::object{{"RepositoryType", "S3"}}}}};
  if (function->reserved)
    out.body["Concurrency"] = json::object{{"ReservedConcurrentExecutions", *function->reserved}};
  return out;
}
Result<JsonOut> GetFunctionConfiguration::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const auto function = snapshot.get(function_key(in->name));
  if (!function) return not_found(snapshot.scope(), in->name);
  return JsonOut{200, shown(*function, snapshot.scope())};
}
Result<ListFunctions::In> ListFunctions::parse(const Request& request) {
  In in{request.query_text("Marker"), 50};
  if (const std::string* text = request.query_value("MaxItems")) {
    const auto max = parse_int(*text);
    if (!max || *max < 1 || *max > 10000) return invalid("MaxItems must be 1 to 10000.");
    in.max = std::min<int64_t>(*max, 50);
  }
  return in;
}
Result<JsonOut> ListFunctions::run(const Authorized<In>& in, const Snapshot& snapshot) {
  json::array functions;
  std::string next;
  snapshot.scan(RecordPrefix<Function>{}, in->marker.empty() ? "" : function_key(in->marker).bytes,
                false, [&](std::string_view, const Function& function) {
                  if (function.name == in->marker) return true;
                  if (functions.size() == static_cast<size_t>(in->max)) {
                    next = text_of(functions.back().as_object(), "FunctionName");
                    return false;
                  }
                  functions.push_back(shown(function, snapshot.scope()));
                  return true;
                });
  JsonOut out{200, {{"Functions", std::move(functions)}}};
  if (!next.empty()) out.body["NextMarker"] = next;
  return out;
}
Result<JsonOut> DeleteFunction::run(const Authorized<In>& in, Staged& staged) {
  const auto function = staged.get(function_key(in->name));
  if (!function) return not_found(staged.snapshot().scope(), in->name);
  staged.release(function->code());
  staged.erase(function_key(in->name));
  staged.erase(policy_key(in->name));
  staged.erase(event_config_key(in->name));
  return JsonOut{204, {}};
}

}  // namespace sluice::lambda
