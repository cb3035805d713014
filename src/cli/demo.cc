// SPDX-License-Identifier: Apache-2.0
// sluice demo: the pipeline from nothing, on the samples that come with the program.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <filesystem>

#include "base/bytes.h"
#include "cli/pipeline.h"
#include "cli/server.h"

namespace sluice::cli {
namespace {
constexpr const char* kSamples[] = {"machine-temperature.json", "travel-time.ndjson",
                                    "ambient-temperature.ndjson.gz", "with-errors.ndjson"};

// A directory that is removed at the end.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-demo-XXXXXX").string();
    if (mkdtemp(name.data())) path_ = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void step(const std::string& text) {
  fmt::print("\n== {}\n", text);
  std::fflush(stdout);
}

// The lines of a quarantine file: which record, why.
Result<Done> show_quarantine(Client& client, const std::string& place) {
  TRY(const Reply reply,
      client.send("s3", "GET", "/" + percent_encode(place.substr(5), true), {}, ""));
  if (reply.status != 200) return error_of(reply);
  for (const auto text : split(reply.body, '\n')) {
    const auto line = parse_json_object(text);
    if (text.empty() || !line) continue;
    fmt::print("  record {:<3} {:<18} {}\n             {}\n", int_of(*line, "index"),
               text_of(*line, "code"), text_of(*line, "message"), text_of(*line, "record"));
  }
  return Done{};
}

Result<Done> show_table(Client& client, const std::string& table) {
  TRY(const json::object page,
      client.call_json(
          "dynamodb", "DynamoDB_20120810.Query", "1.0",
          {{"TableName", table},
           {"KeyConditionExpression", "device_id = :d"},
           {"ExpressionAttributeValues", json::object{{":d", json::object{{"S", "meter-7"}}}}}}));
  for (const json::value& item : page.at("Items").as_array())
    fmt::print("  {}\n", json::serialize(item));
  TRY(const json::object count, client.call_json("dynamodb", "DynamoDB_20120810.Scan", "1.0",
                                                 {{"TableName", table}, {"Select", "COUNT"}}));
  fmt::print("  {} items in {}\n", int_of(count, "Count"), table);
  return Done{};
}

// Management events of the last minutes, counted by name and caller.
Result<Done> show_trail(Client& client) {
  std::map<std::string, int> seen;
  json::object ask;
  for (bool more = true; more;) {
    TRY(const json::object page,
        client.call_json("cloudtrail",
                         "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents",
                         "1.1", ask));
    for (const json::value& one : page.at("Events").as_array()) {
      TRY(const json::object record,
          parse_json_object(text_of(one.as_object(), "CloudTrailEvent")));
      const json::object& who = record.at("userIdentity").as_object();
      std::string name = text_of(who, "arn");
      name = name.empty() ? text_of(who, "invokedBy") : name.substr(name.find('/') + 1);
      if (const std::string via = text_of(who, "invokedBy"); !via.empty() && via != name)
        name += " through " + via;
      const std::string source = text_of(record, "eventSource"),
                        refused = text_of(record, "errorCode");
      ++seen[fmt::format("{:<48} {}",
                         source.substr(0, source.find('.')) + " " + text_of(record, "eventName"),
                         name) +
             (refused.empty() ? "" : ": " + refused)];
    }
    const std::string token = text_of(page, "NextToken");
    more = !token.empty();
    ask = {{"NextToken", token}};
  }
  for (const auto& [line, count] : seen) fmt::print("  {:>4} x {}\n", count, line);
  return Done{};
}

Result<Done> run_steps(const Common& common, Client& client, const StopSignals& stops) {
  const Error stopped{499, "Stopped", "stopped", {}};
  step("Deploy the pipeline: deploy/template.yaml");
  TRY(const Outputs outputs, deploy(client, {}));
  if (stops.came()) return stopped;
  step("Put the samples and wait until every record is accounted for");
  PutOptions options;
  options.wait = true;
  options.quiet = true;
  for (const char* name : kSamples) {
    options.paths.push_back(find_shipped(name));
    if (options.paths.back().empty())
      return Error{
          404, "NoSamples", std::string("the sample ") + name + " is not beside the program", {}};
  }
  print_put_head();
  options.report = print_put_row;
  TRY(const PutReport report, put(common, options));
  if (stops.came()) return stopped;
  if (report.trouble) return *report.trouble;
  print_put_row(total_of(report.files));
  for (const PutResult& r : report.files) {
    if (r.quarantine.empty()) continue;
    step("Rejected records are in quarantine with their reason: " + r.quarantine);
    CHECK(show_quarantine(client, r.quarantine));
  }
  step("Stored records are rows of the encrypted table");
  CHECK(show_table(client, outputs.at("TableName")));
  step("Every call is in CloudTrail: management events by name and caller");
  return show_trail(client);
}

int run_demo(const Common& common, bool own_dir, bool keep) {
  StopSignals stops;
  const Scratch scratch;
  ServeOptions options;
  options.data_dir = own_dir ? common.data_dir : scratch.path() + "/data";
  options.listen = "127.0.0.1:0";
  spdlog::set_level(spdlog::level::warn);
  auto server = RunningServer::start(options);
  if (!server) return fail(server.error());
  const Common here{options.data_dir, false, {}};
  step("Serve " + options.data_dir);
  fmt::print("{}, CA {}\n{}\n", (*server)->endpoint().url, (*server)->endpoint().ca_file,
             functions_line((*server)->endpoint()));
  if (auto can = functions_can_start((*server)->endpoint()); !can) return fail(can.error());
  auto client = Client::connect(here);
  if (!client) return fail(client.error());
  if (auto done = run_steps(here, **client, stops); !done) return fail(done.error());
  std::error_code ignored;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  if (!keep) {
    step("What to do next: the same with your own files, in a directory that stays");
    fmt::print("  {0} serve &\n  {0} deploy\n  {0} put FILE --wait\n  {0} --help\n", self);
    return 0;
  }
  step("Serving until Ctrl-C. From another terminal:");
  fmt::print("  export SLUICE_DATA_DIR={}\n  {} status\n  {} aws s3 ls\n  {} put FILE --wait\n",
             options.data_dir, self, self, self);
  std::fflush(stdout);
  stops.wait();
  return 0;
}
}  // namespace

void add_demo(CLI::App& app, Common& common, int& exit_code) {
  auto keep = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("demo",
                         "Serve, deploy, put the samples, show where each record went and what the "
                         "trail says; in a scratch directory unless --data-dir names one");
  command->add_flag("--keep", *keep, "serve on until Ctrl-C");
  command->callback([keep, &app, &common, &exit_code] {
    exit_code = run_demo(common, app.get_option("--data-dir")->count() > 0, *keep);
  });
}

}  // namespace sluice::cli
