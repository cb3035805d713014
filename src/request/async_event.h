// SPDX-License-Identifier: Apache-2.0
#pragma once
// An event that waits in the queue "lambda.async" until a function is called with it. Any service
// may enqueue one; Lambda delivers it.
//
//   staged.enqueue({.queue = kAsyncQueue, .lane = arn, .event = members_of(AsyncEvent{...})});
#include "store/record.h"

namespace sluice {

// Its lanes are the ARNs of the functions.
constexpr std::string_view kAsyncQueue = "lambda.async";

struct AsyncEvent {
  std::string function;  // its ARN
  json::value payload;
  // The service that the event comes from. "": Invoke, which was authorised when it was accepted.
  std::string source;
  std::string source_arn, source_account;  // of the bucket, say, that the event is about
  std::string request_id;
  int64_t attempts = 0;  // how many have failed
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
