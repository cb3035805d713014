// SPDX-License-Identifier: Apache-2.0
// sluice device enroll, sluice device revoke: certificates for machines elsewhere, and what Roles
// Anywhere must know of them.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/files.h"
#include "cli/client.h"
#include "crypto/certificate.h"

namespace sluice::cli {
namespace {
constexpr const char* kName = "sluice-devices";  // of the trust anchor and the revocation list

struct Asked {
  std::string name, role, directory = ".", endpoint;
  int64_t days = 90;
};
Error wrong(std::string why) { return {400, "DeviceFailure", std::move(why), {}}; }

// An operation of Roles Anywhere.
Result<json::object> ask(Client& client, std::string_view method, const std::string& path,
                         const json::object& body) {
  Headers headers;
  headers.add("content-type", "application/json");
  TRY(const Reply reply, client.send("rolesanywhere", method, path, headers,
                                     method == "GET" ? "" : json::serialize(body)));
  if (reply.status >= 300) return error_of(reply);
  return parse_json_object(reply.body);
}

// The first of a list for which `wanted` holds.
template <class Wanted>
Result<std::optional<json::object>> find(Client& client, std::string path, const char* list,
                                         const Wanted& wanted) {
  for (std::string token;;) {
    TRY(const json::object page,
        ask(client, "GET", token.empty() ? path : path + "?nextToken=" + token, {}));
    const json::value* found = page.if_contains(list);
    if (!found || !found->is_array())
      return wrong("the server's answer has no " + std::string(list));
    for (const json::value& one : found->get_array())
      if (one.is_object() && wanted(one.get_object()))
        return std::optional(json::object(one.get_object(), json::storage_ptr()));
    token = text_of(page, "nextToken");
    if (token.empty()) return std::optional<json::object>();
  }
}
std::string member_text(const json::object& object, const char* member, const char* name) {
  const json::value* inner = object.if_contains(member);
  return inner && inner->is_object() ? text_of(inner->get_object(), name) : std::string();
}

// The trust anchor of the server's authority for devices; it is made when there is none.
Result<std::string> anchor_of(Client& client, const std::string& authority) {
  TRY(const auto found, find(client, "/trustanchors", "trustAnchors", [&](const json::object& one) {
        const json::value* source = one.if_contains("source");
        return source && source->is_object() &&
               member_text(source->get_object(), "sourceData", "x509CertificateData") == authority;
      }));
  if (found) return text_of(*found, "trustAnchorArn");
  TRY(const json::object made,
      ask(client, "POST", "/trustanchors",
          {{"name", kName},
           {"enabled", true},
           {"source",
            json::object{{"sourceType", "CERTIFICATE_BUNDLE"},
                         {"sourceData", json::object{{"x509CertificateData", authority}}}}}}));
  return member_text(made, "trustAnchor", "trustAnchorArn");
}

// A profile that holds this role alone; it is made when there is none.
Result<std::string> profile_of(Client& client, const std::string& role) {
  const json::array roles{role};
  TRY(const auto found, find(client, "/profiles", "profiles", [&](const json::object& one) {
        const json::value* held = one.if_contains("roleArns");
        return held && *held == roles && bool_of(one, "enabled");
      }));
  if (found) return text_of(*found, "profileArn");
  std::string name = role.substr(role.rfind('/') + 1);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') c = '-';
  TRY(const json::object made,
      ask(client, "POST", "/profiles",
          {{"name", "sluice-devices-" + name}, {"enabled", true}, {"roleArns", roles}}));
  return member_text(made, "profile", "profileArn");
}

std::string role_arn(const Client& client, const std::string& role) {
  return role.starts_with("arn:")
             ? role
             : "arn:aws:iam::" + client.endpoint().account_id + ":role/" + role;
}

int enroll(const Common& common, const Asked& asked) {
  const auto enrolled = [&]() -> Result<json::object> {
    TRY(const auto client, Client::connect(common));
    TRY(const json::object issued, issue_device(common, asked.name, asked.days));
    const std::string role = role_arn(*client, asked.role);
    TRY(const std::string anchor, anchor_of(*client, text_of(issued, "authority")));
    TRY(const std::string profile, profile_of(*client, role));
    const Endpoint& server = client->endpoint();
    const std::string stem = asked.directory + "/" + asked.name;
    mkdir(asked.directory.c_str(), 0700);
    const auto ca =
        server.ca_file.empty() ? std::optional<std::string>("") : read_file(server.ca_file);
    if (!ca || !replace_file(stem + ".key", text_of(issued, "key")) ||
        !replace_file(stem + ".pem", text_of(issued, "certificate")) ||
        (!ca->empty() && !replace_file(asked.directory + "/server-ca.pem", *ca)))
      return wrong("cannot write the files of the device into " + asked.directory);
    return json::object{{"certificate", stem + ".pem"},
                        {"privateKey", stem + ".key"},
                        {"caBundle", ca->empty() ? "" : asked.directory + "/server-ca.pem"},
                        {"endpoint", asked.endpoint.empty() ? server.url : asked.endpoint},
                        {"region", server.region},
                        {"serial", text_of(issued, "serial")},
                        {"trustAnchorArn", anchor},
                        {"profileArn", profile},
                        {"roleArn", role}};
  }();
  if (!enrolled) return fail(enrolled.error());
  if (common.json) {
    fmt::print("{}\n", json::serialize(*enrolled));
    return 0;
  }
  const auto text = [&](const char* name) { return text_of(*enrolled, name); };
  const std::string bundle = text("caBundle");
  fmt::print(
      "# For ~/.aws/config on the device; its files are {0} and {1}{2}.\n"
      "# Serial number, for sluice device revoke: {3}\n"
      "[profile {4}]\n"
      "region = {5}\n"
      "endpoint_url = {6}\n",
      text("certificate"), text("privateKey"), bundle.empty() ? "" : " and " + bundle,
      text("serial"), asked.name, text("region"), text("endpoint"));
  if (!bundle.empty()) fmt::print("ca_bundle = {}\n", bundle);
  fmt::print(
      "credential_process = sluice credentials --certificate {} --private-key {} --endpoint {} "
      "--region {} {}--trust-anchor {} --profile {} --role {}\n",
      text("certificate"), text("privateKey"), text("endpoint"), text("region"),
      bundle.empty() ? "" : "--ca-bundle " + bundle + " ", text("trustAnchorArn"),
      text("profileArn"), text("roleArn"));
  return 0;
}

// `which` is a serial number, or the file of the certificate.
Result<std::string> serial_of(const std::string& which) {
  if (const auto pem = read_file(which)) {
    const auto found = Certificate::from_pem(*pem, 1);
    if (!found) return wrong(which + " must hold one certificate in PEM");
    return found->front().serial_hex();
  }
  if (!unhex(which))
    return wrong(which + " is neither the file of a certificate nor its serial number in hex");
  return which;
}

int revoke(const Common& common, const std::string& which) {
  const auto revoked = [&]() -> Result<std::string> {
    TRY(const std::string serial, serial_of(which));
    TRY(const auto client, Client::connect(common));
    TRY(const json::object answer, revoke_device(common, serial));
    const std::string data = base64(text_of(answer, "list"));
    const auto authority = read_file(common.data_dir + "/devices/ca.pem");
    if (!authority) return wrong("no device was enrolled here");
    TRY(const std::string anchor, anchor_of(*client, *authority));
    TRY(const auto known, find(*client, "/crls", "crls", [&](const json::object& one) {
          return text_of(one, "name") == kName && text_of(one, "trustAnchorArn") == anchor;
        }));
    if (known) {
      CHECK(ask(*client, "PATCH", "/crl/" + text_of(*known, "crlId"), {{"crlData", data}}));
      CHECK(ask(*client, "POST", "/crl/" + text_of(*known, "crlId") + "/enable", {}));
    } else {
      CHECK(
          ask(*client, "POST", "/crls",
              {{"name", kName}, {"enabled", true}, {"crlData", data}, {"trustAnchorArn", anchor}}));
    }
    return serial;
  }();
  if (!revoked) return fail(revoked.error());
  fmt::print("{} gets no session any more; one that it has goes on to its end\n", *revoked);
  return 0;
}
}  // namespace

void add_device(CLI::App& app, Common& common, int& exit_code) {
  auto asked = std::make_shared<Asked>();
  CLI::App* device =
      app.add_subcommand("device", "Certificates with which machines elsewhere get sessions");
  device->require_subcommand(1);
  CLI::App* one = device->add_subcommand(
      "enroll", "Make a key and a certificate, and print what the device needs");
  one->add_option("name", asked->name,
                  "2 to 64 letters, digits and +=,.@_-; policies know it as "
                  "aws:PrincipalTag/x509Subject/CN")
      ->required();
  one->add_option("--role", asked->role,
                  "name or ARN of the role whose sessions it gets; it must trust "
                  "rolesanywhere.amazonaws.com")
      ->required();
  one->add_option("--out", asked->directory, "folder for the files")->capture_default_str();
  one->add_option("--days", asked->days, "how long the certificate is good, 1 to 397")
      ->check(CLI::Range(1, 397))
      ->capture_default_str();
  one->add_option(
      "--endpoint", asked->endpoint,
      "https://NAME:PORT by which the device reaches this server (sluice serve --name)");
  one->callback([asked, &common, &exit_code] { exit_code = enroll(common, *asked); });
  CLI::App* out = device->add_subcommand("revoke", "Give a certificate no session any more");
  out->add_option("certificate", asked->name, "its PEM file, or its serial number in hex")
      ->required();
  out->callback([asked, &common, &exit_code] { exit_code = revoke(common, asked->name); });
}

}  // namespace sluice::cli
