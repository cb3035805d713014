// SPDX-License-Identifier: Apache-2.0
#include "request/reply.h"

#include "base/bytes.h"
#include "base/xml.h"
#include "crypto/crypto.h"

namespace sluice {
namespace {

Response render_error(const Request& request, const Service& service, const Error& error) {
  Response r;
  r.status = error.status;
  switch (service.protocol) {
    case Protocol::rest_xml: {
      if (request.method == "HEAD" || error.status == 304) break;
      XmlWriter xml;
      xml.open("Error").element("Code", error.code).element("Message", error.message);
      for (const auto& [name, value] : error.details)
        if (!name.starts_with("header:")) xml.element(name, value);
      xml.element("RequestId", request.id)
          .element("HostId", base64(sha256(request.id)))
          .close("Error");
      r.body = xml.take();
      r.headers.add("content-type", "application/xml");
      break;
    }
    case Protocol::query: {
      // A service that also speaks JSON has other codes there. "query-error" is its code in this
      // protocol.
      std::string code = error.code;
      for (const auto& [name, value] : error.details)
        if (name == "query-error") code = value.substr(0, value.find(';'));
      XmlWriter xml;
      xml.open("ErrorResponse", service.xmlns)
          .open("Error")
          .element("Type", error.status < 500 ? "Sender" : "Receiver")
          .element("Code", code)
          .element("Message", error.message);
      xml.close("Error").element("RequestId", request.id).close("ErrorResponse");
      r.body = xml.take();
      r.headers.add("content-type", "text/xml");
      break;
    }
    case Protocol::rest_json: {
      json::object body{{"Type", error.status < 500 ? "User" : "Service"},
                        {"Message", error.message},
                        {"message", error.message}};
      for (const auto& [name, value] : error.details) body[name] = value;
      r.body = json::serialize(body);
      r.headers.add("content-type", "application/json");
      r.headers.add("x-amzn-errortype", error.code);
      break;
    }
    case Protocol::json10:
    case Protocol::json11: {
      json::object body{{"__type", std::string(service.error_namespace) + error.code},
                        {"message", error.message}};
      for (const auto& [name, value] : error.details) {
        if (name == "query-error") {
          r.headers.add("x-amzn-query-error", value);
          continue;
        }
        auto parsed =
            name.starts_with("json:") ? parse_json(value) : Result<json::value>(json::value(value));
        body[name.starts_with("json:") ? name.substr(5) : name] =
            parsed ? *std::move(parsed) : json::value(value);
      }
      r.body = json::serialize(body);
      break;
    }
  }
  for (const auto& [name, value] : error.details)
    if (name.starts_with("header:")) r.headers.add(name.substr(7), value);
  return r;
}

void finish(Response& r, const Request& request, const Service& service) {
  r.headers.add("date", http_date(request.time));
  if (service.protocol == Protocol::rest_xml) {
    r.headers.add("x-amz-request-id", request.id);
    r.headers.add("x-amz-id-2", base64(sha256(request.id)));
    r.headers.add("server", "Sluice");
    return;
  }
  r.headers.add("x-amzn-requestid", request.id);
  if ((service.protocol == Protocol::json10 || service.protocol == Protocol::json11) &&
      !r.headers.find("content-type"))
    r.headers.add("content-type", service.protocol == Protocol::json10
                                      ? "application/x-amz-json-1.0"
                                      : "application/x-amz-json-1.1");
}

// Puts the body into what the query protocol has around it:
// <OpResponse><OpResult>...</OpResult><ResponseMetadata>.
void wrap_query(Response& r, const Request& request, const Service& service, const Row& row) {
  const std::string name(row.name);
  const std::string inner = std::move(r.body);
  r.body = "<" + name + "Response xmlns=\"" + std::string(service.xmlns) + "\"><" + name +
           "Result>" + inner + "</" + name + "Result><ResponseMetadata><RequestId>" + request.id +
           "</RequestId></ResponseMetadata></" + name + "Response>";
  r.headers.add("content-type", "text/xml");
}
}  // namespace

Response refuse(const Request& request, const Service& service, const Error& error) {
  Response r = render_error(request, service, error);
  finish(r, request, service);
  return r;
}

Response reply(const Receipt&, const Request& request, const Service& service, const Row* row,
               Result<Response> outcome) {
  if (!outcome) return refuse(request, service, outcome.error());
  Response r = *std::move(outcome);
  if (service.protocol == Protocol::query && row) wrap_query(r, request, service, *row);
  finish(r, request, service);
  return r;
}

}  // namespace sluice
