// SPDX-License-Identifier: Apache-2.0
// Prints docs/records.md; with an argument, the lines that tests/releases/records.txt has of the
// records as they are: table, version, and a value of it.
//   records | records fixture
#include <cstdio>

#include "cli/records.h"

int main(int argc, char**) {
  using namespace sluice;
  if (argc == 1) return std::fputs(cli::records_document().c_str(), stdout) < 0;
  for (const RecordFacts& one : cli::all_records())
    std::printf("%s\t%d\t%s\n", std::string(one.type.table).c_str(), one.type.version,
                one.example.substr(1).c_str());
  return 0;
}
