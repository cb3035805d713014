// SPDX-License-Identifier: Apache-2.0
// Prints the operation table as JSON: what the server routes by, from the same rows. For
// docs/operations.md and the negative matrix.
#include <cstdio>

#include "cli/server.h"
#include "request/audit.h"

int main() {
  using namespace sluice;
  constexpr const char* kProtocols[] = {"json10", "json11", "query", "rest-json", "rest-xml"};
  json::array services;
  for (const Service* service : cli::all_services()) {
    json::array rows;
    for (const Row& row : service->rows)
      rows.push_back(json::object{{"name", row.name},
                                  {"event_name", event_name(*service, row)},
                                  {"action", row.action},
                                  {"method", row.match.method},
                                  {"path", row.match.path},
                                  {"flag", row.match.flag},
                                  {"header", row.match.header},
                                  {"data_event", row.data_event},
                                  {"read_only", row.read_only},
                                  {"refuses", row.refuses},
                                  {"signed", row.proofs.front() != Proof::web_identity &&
                                                 row.proofs.front() != Proof::certificate},
                                  {"streams", row.streams},
                                  {"writes", row.writes}});
    services.push_back(json::object{{"service", service->name},
                                    {"event_source", service->event_source},
                                    {"protocol", kProtocols[static_cast<int>(service->protocol)]},
                                    {"target", service->target},
                                    {"rows", rows}});
  }
  std::puts(json::serialize(services).c_str());
  return 0;
}
