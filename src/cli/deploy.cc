// SPDX-License-Identifier: Apache-2.0
// sluice deploy.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/bytes.h"
#include "base/xml.h"
#include "cli/pipeline.h"

namespace sluice::cli {
namespace {
constexpr const char* kVersion = "2010-05-15";
Error wrong(std::string text) { return {400, "DeployFailure", std::move(text), {}}; }

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return wrong("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Result<std::unique_ptr<pugi::xml_document>> ask(
    Client& client, std::vector<std::pair<std::string, std::string>> fields) {
  fields.emplace_back("Version", kVersion);
  TRY(const std::string text, client.call_query("cloudformation", fields));
  auto document = std::make_unique<pugi::xml_document>();
  document->load_buffer(text.data(), text.size());
  return document;
}

constexpr std::string_view kXmlns = R"( xmlns="http://s3.amazonaws.com/doc/2006-03-01/")";

// What each bucket of the pipeline is, as in template.yaml: versioned, encrypted with KMS, never
// public, TLS only. By the name of the subresource that says it.
std::vector<std::pair<std::string, std::string>> protections(const std::string& bucket) {
  const std::string ns(kXmlns), arn = "arn:aws:s3:::" + bucket;
  const json::object tls_only{
      {"Version", "2012-10-17"},
      {"Statement",
       json::array{json::object{
           {"Sid", "TlsOnly"},
           {"Effect", "Deny"},
           {"Principal", "*"},
           {"Action", "s3:*"},
           {"Resource", json::array{json::value(arn), json::value(arn + "/*")}},
           {"Condition",
            json::object{{"Bool", json::object{{"aws:SecureTransport", "false"}}}}}}}}};
  return {{"versioning",
           "<VersioningConfiguration" + ns + "><Status>Enabled</Status></VersioningConfiguration>"},
          {"encryption",
           "<ServerSideEncryptionConfiguration" + ns +
               "><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms"
               "</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true"
               "</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"},
          {"publicAccessBlock",
           "<PublicAccessBlockConfiguration" + ns +
               "><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>"
               "<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true"
               "</RestrictPublicBuckets></PublicAccessBlockConfiguration>"},
          {"policy", json::serialize(tls_only)}};
}

// In us-east-1 a bucket's Region is said by saying nothing; anywhere else it must be named.
std::string location_of(const std::string& region) {
  if (region == "us-east-1") return {};
  return "<CreateBucketConfiguration" + std::string(kXmlns) + "><LocationConstraint>" + region +
         "</LocationConstraint></CreateBucketConfiguration>";
}

// The function's code, in a bucket of the stack's own. Returns the version of the object.
Result<std::string> upload_code(Client& client, const std::string& bucket, const std::string& zip) {
  TRY(const Reply made,
      client.send("s3", "PUT", "/" + bucket, {}, location_of(client.endpoint().region)));
  if (made.status >= 300 && error_of(made).code != "BucketAlreadyOwnedByYou") return error_of(made);
  for (const auto& [subresource, document] : protections(bucket)) {
    TRY(const Reply set, client.send("s3", "PUT", "/" + bucket + "?" + subresource, {}, document));
    if (set.status >= 300) return error_of(set);
  }
  TRY(const Reply put, client.put_file("/" + bucket + "/sluice-ingest.zip", zip, [](uint64_t) {}));
  if (put.status >= 300) return error_of(put);
  return put.headers.get("x-amz-version-id");
}

struct Progress {
  std::string status, reason, failed;
};
// Prints events not seen yet, oldest first.
Result<Progress> follow(Client& client, const std::string& stack, std::map<std::string, bool>& seen,
                        bool quiet) {
  TRY(const auto events, ask(client, {{"Action", "DescribeStackEvents"}, {"StackName", stack}}));
  std::vector<pugi::xml_node> fresh;
  for (const auto& found : events->select_nodes("//StackEvents/member"))
    if (!seen[found.node().child_value("EventId")]) fresh.push_back(found.node());
  Progress progress;
  for (auto it = fresh.rbegin(); it != fresh.rend(); ++it) {
    const pugi::xml_node event = *it;
    seen[event.child_value("EventId")] = true;
    const std::string status = event.child_value("ResourceStatus"),
                      reason = event.child_value("ResourceStatusReason");
    if (status.ends_with("_FAILED") && progress.failed.empty())
      progress.failed = std::string(event.child_value("LogicalResourceId")) + ": " + reason;
    if (!quiet &&
        (!status.ends_with("_IN_PROGRESS") ||
         std::string_view(event.child_value("ResourceType")) == "AWS::CloudFormation::Stack"))
      fmt::print("  {:<18} {:<28} {}{}\n", status, event.child_value("ResourceType"),
                 event.child_value("LogicalResourceId"),
                 reason.empty() || reason == "User Initiated" ? "" : "  " + reason);
  }
  std::fflush(stdout);
  TRY(const auto stacks, ask(client, {{"Action", "DescribeStacks"}, {"StackName", stack}}));
  progress.status = stacks->select_node("//StackStatus").node().child_value();
  progress.reason = stacks->select_node("//StackStatusReason").node().child_value();
  return progress;
}

Result<Done> wait_for(Client& client, const std::string& stack, std::map<std::string, bool> seen,
                      bool quiet) {
  std::string failed;
  for (;;) {
    TRY(const Progress progress, follow(client, stack, seen, quiet));
    if (failed.empty()) failed = progress.failed;
    if (progress.status == "CREATE_COMPLETE" || progress.status == "UPDATE_COMPLETE") return Done{};
    if (!progress.status.ends_with("_IN_PROGRESS"))
      return wrong(
          "the stack " + stack + " is " + progress.status + (failed.empty() ? "" : "; " + failed) +
          ". Remove it with: sluice aws cloudformation delete-stack --stack-name " + stack);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

int run_deploy(const Common& common, const DeployOptions& options) {
  auto client = Client::connect(common);
  if (client && !(*client)->endpoint().why_no_functions.empty())
    fmt::print(stderr, "sluice: {}; the stack is made all the same, and uploads wait\n",
               functions_line((*client)->endpoint()));
  if (!client) return fail(client.error());
  DeployOptions mine = options;
  mine.quiet = common.json;
  auto outputs = deploy(**client, mine);
  if (!outputs) return fail(outputs.error());
  if (common.json) {
    json::object all;
    for (const auto& [key, value] : *outputs) all[key] = value;
    fmt::print("{}\n", json::serialize(all));
  } else {
    for (const auto& [key, value] : *outputs) fmt::print("{:<24} {}\n", key, value);
  }
  return 0;
}
}  // namespace

std::string find_shipped(const std::string& name) {
  std::error_code ignored;
  const std::filesystem::path folder =
      std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const char* place : {".", "../deploy", "../samples", "../../deploy", "../../samples",
                            "../share/sluice", "../share/sluice/samples"}) {
    const auto path = folder / place / name;
    if (std::filesystem::exists(path, ignored)) return path.lexically_normal().string();
  }
  return {};
}

Result<Outputs> stack_outputs(Client& client, const std::string& stack) {
  TRY(const auto stacks, ask(client, {{"Action", "DescribeStacks"}, {"StackName", stack}}));
  Outputs out;
  for (const auto& found : stacks->select_nodes("//Outputs/member"))
    out[found.node().child_value("OutputKey")] = found.node().child_value("OutputValue");
  return out;
}

Result<Outputs> deploy(Client& client, const DeployOptions& options) {
  const bool own_pipeline = options.template_file.empty();
  const std::string template_file =
      own_pipeline ? find_shipped("template.yaml") : options.template_file;
  if (template_file.empty())
    return wrong(
        "the pipeline's template.yaml is not beside the program; name one with --template");
  TRY(const std::string body, read_file(template_file));
  std::map<std::string, std::string> parameters;
  for (const std::string& one : options.parameters) {
    const size_t equals = one.find('=');
    if (equals == std::string::npos || equals == 0)
      return wrong("--parameter takes Key=Value, not '" + one + "'");
    parameters[one.substr(0, equals)] = one.substr(equals + 1);
  }
  if (own_pipeline) {
    const std::string zip =
        options.function_zip.empty() ? find_shipped("sluice-ingest.zip") : options.function_zip;
    if (zip.empty())
      return wrong(
          "the function's sluice-ingest.zip is not beside the program; name it with --function");
    const std::string bucket = options.stack + "-code-" + client.endpoint().account_id;
    TRY(const std::string version, upload_code(client, bucket, zip));
    parameters.insert(
        {{"CodeBucket", bucket}, {"CodeKey", "sluice-ingest.zip"}, {"CodeVersion", version}});
  }
  std::vector<std::pair<std::string, std::string>> fields{
      {"StackName", options.stack},
      {"TemplateBody", body},
      {"Capabilities.member.1", "CAPABILITY_NAMED_IAM"}};
  int number = 0;
  for (const auto& [key, value] : parameters) {
    const std::string at = "Parameters.member." + std::to_string(++number);
    fields.emplace_back(at + ".ParameterKey", key);
    fields.emplace_back(at + ".ParameterValue", value);
  }
  std::map<std::string, bool> seen;
  const auto existing = ask(client, {{"Action", "DescribeStacks"}, {"StackName", options.stack}});
  if (existing) {
    TRY(const auto events,
        ask(client, {{"Action", "DescribeStackEvents"}, {"StackName", options.stack}}));
    for (const auto& found : events->select_nodes("//StackEvents/member"))
      seen[found.node().child_value("EventId")] = true;
  }
  fields.insert(fields.begin(), {"Action", existing ? "UpdateStack" : "CreateStack"});
  const auto begun = ask(client, std::move(fields));
  if (!begun && begun.error().message.find("No updates are to be performed") == std::string::npos)
    return begun.error();
  if (begun) CHECK(wait_for(client, options.stack, std::move(seen), options.quiet));
  return stack_outputs(client, options.stack);
}

void add_deploy(CLI::App& app, Common& common, int& exit_code) {
  auto options = std::make_shared<DeployOptions>();
  CLI::App* command = app.add_subcommand(
      "deploy", "Create or update the pipeline's stack and wait until it is complete");
  command->add_option("--stack", options->stack, "name of the stack")->capture_default_str();
  command->add_option("--template", options->template_file,
                      "CloudFormation template (default: the pipeline's own)");
  command->add_option("--function", options->function_zip,
                      "zip of the ingest function (default: the one built with this program)");
  command->add_option("--parameter", options->parameters, "Key=Value, may be repeated");
  command->callback([options, &common, &exit_code] { exit_code = run_deploy(common, *options); });
}

}  // namespace sluice::cli
