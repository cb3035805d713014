// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the ingest function does with an event of S3. The records of each object go into the table
// or into quarantine, and one line of log accounts for all of them.
//
//   TRY(const Settings settings, Settings::from_process());
//   const Error why = run_loop(api, environment, settings);   // returns only when the API fails
#include "base/json.h"
#include "ingest/aws.h"

namespace sluice::ingest {

struct Settings {
  std::string table, quarantine_bucket, function_name;
  // Reads TABLE_NAME, QUARANTINE_BUCKET and AWS_LAMBDA_FUNCTION_NAME from the environment.
  static Result<Settings> from_process();
};
struct Invocation {
  std::string request_id;
  int64_t deadline_ms = 0;  // Unix milliseconds
};

// Returns
//   {"objects":[{"bucket","key","versionId","read","stored","duplicate","rejected","quarantine"}]}
// An error means that the event must be delivered again. This is harmless: the same object written
// twice leaves the same table.
Result<json::object> ingest_event(const json::value& event, const Invocation& invocation,
                                  Connections& connections, const Settings& settings);

// Takes invocations from the Runtime API (2018-06-01), one after the other. It returns only when
// the API fails.
Error run_loop(const std::string& api, const AwsEnvironment& environment, const Settings& settings);
void report_init_error(const std::string& api, const Error& error);

}  // namespace sluice::ingest
