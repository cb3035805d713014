// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the function does with an S3 event: each object's records into the table or into quarantine,
// and one line that accounts for all of them.
#include "base/json.h"
#include "ingest/aws.h"

namespace sluice::ingest {

struct Settings {
  std::string table, quarantine_bucket, function_name;
  static Result<Settings>
  from_process();  // TABLE_NAME, QUARANTINE_BUCKET, AWS_LAMBDA_FUNCTION_NAME
};
struct Invocation {
  std::string request_id;
  int64_t deadline_ms = 0;
};  // Unix milliseconds

// Returns
// {"objects":[{"bucket","key","versionId","read","stored","duplicate","rejected","quarantine"}]}.
// An error means that the event is to be delivered again: writing the same object twice leaves the
// same table.
Result<json::object> ingest_event(const json::value& event, const Invocation& invocation,
                                  Connections& connections, const Settings& settings);

// The Runtime API's loop (2018-06-01); returns only when the API fails.
Error run_loop(const std::string& api, const AwsEnvironment& environment, const Settings& settings);
void report_init_error(const std::string& api, const Error& error);

}  // namespace sluice::ingest
