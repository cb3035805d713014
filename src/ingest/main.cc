// SPDX-License-Identifier: Apache-2.0
// sluice-ingest: an ordinary Lambda function of a custom runtime. It runs unchanged on AWS and in
// Sluice.
#include <malloc.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>

#include "ingest/ingest.h"

int main() {
  using namespace sluice;
  mallopt(M_ARENA_MAX, 2);  // memory is 128 MB for everything
  signal(SIGPIPE, SIG_IGN);
  const char* api = getenv("AWS_LAMBDA_RUNTIME_API");
  if (!api) {
    fputs(
        "bootstrap of the Lambda function sluice-ingest: run by AWS Lambda or Sluice, which set "
        "AWS_LAMBDA_RUNTIME_API\n",
        stderr);
    return 2;
  }
  const auto environment = ingest::AwsEnvironment::from_process();
  const auto settings = ingest::Settings::from_process();
  if (!environment || !settings) {
    const Error& why = environment ? settings.error() : environment.error();
    ingest::report_init_error(api, why);
    return 1;
  }
  const Error ended = ingest::run_loop(api, *environment, *settings);
  fprintf(stderr, "%s: %s\n", ended.code.c_str(), ended.message.c_str());
  return 1;
}
