// SPDX-License-Identifier: Apache-2.0
// sluice status: buckets, tables, functions, queue, trails and keys at a glance, asked of the
// running server's APIs.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/xml.h"
#include "cli/client.h"

namespace sluice::cli {
namespace {
using Document = std::unique_ptr<pugi::xml_document>;

// A GET of a REST service. `absent`: an error code that means "nothing is configured" (an empty
// document).
Result<Reply> get(Client& client, std::string_view service, const std::string& target) {
  TRY(Reply reply, client.send(service, "GET", target, {}, ""));
  if (reply.status >= 300) return error_of(reply);
  return reply;
}
Result<Document> get_xml(Client& client, const std::string& target) {
  TRY(const Reply reply, get(client, "s3", target));
  return parse_xml(reply.body);
}

Result<json::array> buckets(Client& client) {
  TRY(const Document all, get_xml(client, "/"));
  json::array rows;
  for (const auto& found : all->select_nodes("//Bucket/Name")) {
    const std::string name = found.node().child_value(), path = "/" + name;
    TRY(const Document versioning, get_xml(client, path + "?versioning"));
    TRY(const Document encryption, get_xml(client, path + "?encryption"));
    TRY(const Document notification, get_xml(client, path + "?notification"));
    TRY(const Document blocked, get_xml(client, path + "?publicAccessBlock"));
    json::array functions;
    for (const auto& one : notification->select_nodes("//CloudFunction"))
      functions.emplace_back(one.node().child_value());
    const std::string status = versioning->child("VersioningConfiguration").child_value("Status");
    rows.push_back(json::object{
        {"bucket", name},
        {"versioning", status.empty() ? "off" : status},
        {"encryption", encryption->select_node("//SSEAlgorithm").node().child_value()},
        {"public_access",
         blocked->select_nodes("//*[text()='true']").size() == 4 ? "blocked" : "NOT BLOCKED"},
        {"notifies", std::move(functions)}});
  }
  return rows;
}

Result<json::array> tables(Client& client) {
  json::array rows;
  json::object ask;
  for (;;) {
    TRY(const json::object page,
        client.call_json("dynamodb", "DynamoDB_20120810.ListTables", "1.0", ask));
    for (const json::value& name : page.at("TableNames").as_array()) {
      TRY(const json::object answer, client.call_json("dynamodb", "DynamoDB_20120810.DescribeTable",
                                                      "1.0", {{"TableName", name}}));
      const json::object& t = answer.at("Table").as_object();
      const json::value* sse = t.if_contains("SSEDescription");
      rows.push_back(json::object{
          {"table", name},
          {"status", text_of(t, "TableStatus")},
          {"items", int_of(t, "ItemCount")},
          {"key", sse ? text_of(sse->as_object(), "KMSMasterKeyArn") : "owned by the service"}});
    }
    const json::value* last = page.if_contains("LastEvaluatedTableName");
    if (!last) return rows;
    ask["ExclusiveStartTableName"] = *last;
  }
}

Result<json::array> functions(Client& client) {
  json::array rows;
  for (std::string marker;;) {
    TRY(const Reply reply,
        get(client, "lambda",
            "/2015-03-31/functions" + (marker.empty() ? "" : "?Marker=" + percent_encode(marker))));
    TRY(const json::object page, parse_json_object(reply.body));
    for (const json::value& one : page.at("Functions").as_array()) {
      const json::object& f = one.as_object();
      rows.push_back(json::object{{"function", text_of(f, "FunctionName")},
                                  {"runtime", text_of(f, "Runtime")},
                                  {"memory_mb", int_of(f, "MemorySize")},
                                  {"timeout_s", int_of(f, "Timeout")},
                                  {"role", text_of(f, "Role")}});
    }
    marker = text_of(page, "NextMarker");
    if (marker.empty()) return rows;
  }
}

Result<json::array> trails(Client& client) {
  constexpr std::string_view kTarget = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.";
  TRY(const json::object all,
      client.call_json("cloudtrail", std::string(kTarget) + "DescribeTrails", "1.1", {}));
  json::array rows;
  for (const json::value& one : all.at("trailList").as_array()) {
    const json::object& t = one.as_object();
    TRY(const json::object s,
        client.call_json("cloudtrail", std::string(kTarget) + "GetTrailStatus", "1.1",
                         {{"Name", text_of(t, "TrailARN")}}));
    const auto time = [&s](const char* name) {
      const json::value* v = s.if_contains(name);
      return v && v->is_number() ? iso_seconds(static_cast<Time>(v->to_number<double>() * 1000))
                                 : std::string("never");
    };
    const std::string problem = text_of(s, "LatestDeliveryError");
    rows.push_back(json::object{
        {"trail", text_of(t, "Name")},
        {"logging", bool_of(s, "IsLogging") ? "yes" : "NO, stopped " + time("StopLoggingTime")},
        {"bucket", text_of(t, "S3BucketName")},
        {"digests", bool_of(t, "LogFileValidationEnabled") ? "signed" : "off"},
        {"delivered", time("LatestDeliveryTime")},
        {"problem", problem.empty() ? "none" : problem}});
  }
  return rows;
}

Result<json::array> keys(Client& client) {
  std::map<std::string, std::string> alias_of;
  json::object ask;
  for (bool more = true; more;) {
    TRY(const json::object page, client.call_json("kms", "TrentService.ListAliases", "1.1", ask));
    for (const json::value& one : page.at("Aliases").as_array())
      alias_of[text_of(one.as_object(), "TargetKeyId")] +=
          (alias_of[text_of(one.as_object(), "TargetKeyId")].empty() ? "" : " ") +
          text_of(one.as_object(), "AliasName");
    more = bool_of(page, "Truncated");
    ask = {{"Marker", text_of(page, "NextMarker")}};
  }
  json::array rows;
  ask = {};
  for (bool more = true; more;) {
    TRY(const json::object page, client.call_json("kms", "TrentService.ListKeys", "1.1", ask));
    for (const json::value& one : page.at("Keys").as_array()) {
      const std::string id = text_of(one.as_object(), "KeyId");
      TRY(const json::object key,
          client.call_json("kms", "TrentService.DescribeKey", "1.1", {{"KeyId", id}}));
      const json::object& facts = key.at("KeyMetadata").as_object();
      std::string days = "off";
      // Of no other key can this be asked.
      if (text_of(facts, "KeySpec") == "SYMMETRIC_DEFAULT" &&
          text_of(facts, "Origin") == "AWS_KMS") {
        TRY(const json::object rotation,
            client.call_json("kms", "TrentService.GetKeyRotationStatus", "1.1", {{"KeyId", id}}));
        if (bool_of(rotation, "KeyRotationEnabled"))
          days = std::to_string(int_of(rotation, "RotationPeriodInDays")) + " days";
      }
      rows.push_back(json::object{{"key", id},
                                  {"alias", alias_of[id]},
                                  {"state", text_of(facts, "KeyState")},
                                  {"rotation", days}});
    }
    more = bool_of(page, "Truncated");
    ask = {{"Marker", text_of(page, "NextMarker")}};
  }
  return rows;
}

std::string cell(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (!value.is_array()) return json::serialize(value);
  std::string all;
  for (const json::value& one : value.get_array()) all += (all.empty() ? "" : " ") + cell(one);
  return all.empty() ? "-" : all;
}

// Rows of one shape as columns under their names.
void print_rows(const json::array& rows) {
  if (rows.empty()) return;
  std::vector<size_t> widths;
  std::vector<std::vector<std::string>> lines(1);
  for (const auto& [name, value] : rows[0].as_object()) lines[0].emplace_back(name);
  for (const json::value& row : rows) {
    lines.emplace_back();
    for (const auto& [name, value] : row.as_object()) lines.back().push_back(cell(value));
  }
  for (size_t column = 0; column < lines[0].size(); ++column) {
    size_t width = 0;
    for (const auto& line : lines) width = std::max(width, line[column].size());
    widths.push_back(width);
  }
  for (const auto& line : lines) {
    std::string text;
    for (size_t column = 0; column < line.size(); ++column)
      text += fmt::format("{:<{}}  ", line[column], widths[column]);
    fmt::print("{}\n", text.substr(0, text.find_last_not_of(' ') + 1));
  }
  fmt::print("\n");
}

// "2027-12-29T00:00:00Z, in 397 days"
std::string ending_of(const Endpoint& endpoint) {
  const Time left = parse_iso(endpoint.certificate_ends).value_or(0) - now();
  return endpoint.certificate_ends +
         (left > 0 ? ", in " + std::to_string(left / 86'400'000) + " days" : ": it is OVER");
}

std::string commits_line(const json::object& commits) {
  const json::object& sync_us = commits.at("sync_us").as_object();
  return fmt::format(
      "{} commits of {} requests since it started; half of them were on disk within {} us, 99 of "
      "100 within {} us (--json tells calls, readers and sizes too)",
      int_of(commits, "count"), int_of(commits, "requests"), int_of(sync_us, "p50"),
      int_of(sync_us, "p99"));
}

int run_status(const Common& common) {
  auto client = Client::connect(common);
  if (!client) return fail(client.error());
  const Endpoint& e = (*client)->endpoint();
  json::object all{{"endpoint", e.url},
                   {"region", e.region},
                   {"account_id", e.account_id},
                   {"pid", e.pid},
                   {"certificate_ends", e.certificate_ends},
                   {"functions", functions_line(e)}};
  const auto counted = server_status(common);
  if (!counted) return fail(counted.error());
  for (const auto& [name, value] : *counted) all[name] = value;
  const std::pair<const char*, Result<json::array> (*)(Client&)> sections[] = {
      {"buckets", buckets},
      {"tables", tables},
      {"functions", functions},
      {"trails", trails},
      {"keys", keys}};
  for (const auto& [name, section] : sections) {
    auto rows = section(**client);
    if (!rows) return fail(rows.error());
    all[name] = *std::move(rows);
  }
  if (common.json) {
    fmt::print("{}\n", json::serialize(all));
    return 0;
  }
  fmt::print("{} (pid {}), account {} in {}\nits certificate ends {}\n{}\n\n", e.url, e.pid,
             e.account_id, e.region, ending_of(e), functions_line(e));
  for (const char* name :
       {"buckets", "tables", "runtimes", "functions", "queues", "trails", "keys"})
    print_rows(all.at(name).as_array());
  fmt::print("{}\n", commits_line(all.at("commits").as_object()));
  return 0;
}
}  // namespace

void add_status(CLI::App& app, Common& common, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "status", "Show buckets, tables, functions, queues, trails and keys of the running server");
  command->callback([&common, &exit_code] { exit_code = run_status(common); });
}

}  // namespace sluice::cli
