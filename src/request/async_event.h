// SPDX-License-Identifier: Apache-2.0
#pragma once
// What waits in the queue "lambda.async": services write it, lambda delivers it.
//   staged.enqueue({.queue = kAsyncQueue, .lane = arn, .event = members_of(AsyncEvent{...})});
#include "store/record.h"

namespace sluice {

constexpr std::string_view kAsyncQueue = "lambda.async";  // its lanes: the functions' ARNs

struct AsyncEvent {
  std::string function;  // its ARN
  json::value payload;
  std::string source;  // the service whose event it is; "": one of Invoke, authorised when accepted
  std::string source_arn, source_account;  // of the thing in that service: a bucket, say
  std::string request_id;
  int64_t attempts = 0;  // that failed
  Time queued = 0;
  static constexpr auto members() {
    return std::tuple{member("function", &AsyncEvent::function),
                      member("payload", &AsyncEvent::payload),
                      member("source", &AsyncEvent::source),
                      member("source_arn", &AsyncEvent::source_arn),
                      member("source_account", &AsyncEvent::source_account),
                      member("request_id", &AsyncEvent::request_id),
                      member("attempts", &AsyncEvent::attempts),
                      member("queued", &AsyncEvent::queued)};
  }
};

}  // namespace sluice
