// SPDX-License-Identifier: Apache-2.0
#include "ingest/quarantine.h"

#include "base/bytes.h"
#include "base/json.h"
#include "crypto/crypto.h"

namespace sluice::ingest {
namespace {
constexpr size_t kStemBytesMax = 900;
}  // namespace

Quarantine::Quarantine(AwsClient& client, std::string bucket, std::string key, std::string version)
    : client_(client),
      bucket_(std::move(bucket)),
      key_(std::move(key)),
      version_(version.empty() ? "null" : std::move(version)) {}

std::string Quarantine::file_key() const {
  std::string stem = key_;
  if (stem.size() > kStemBytesMax) {  // a key has 1,024 bytes: what is cut off is named by its hash
    stem.resize(kStemBytesMax);
    while (!is_utf8(stem)) stem.pop_back();
    stem += "." + hex(sha256(key_)).substr(0, 16);
  }
  return stem + "/" + version_ + (files_ ? "." + std::to_string(files_ + 1) : "") + ".jsonl";
}

void Quarantine::add(uint64_t index, uint64_t offset, const std::string& code,
                     const std::string& message, std::string_view text) {
  json::object line{{"index", index},
                    {"offset", offset},
                    {"code", code},
                    {"message", is_utf8(message) ? message : percent_encode(message)}};
  if (is_utf8(text))
    line["record"] = json::string(text);
  else
    line["record_base64"] = base64(text);
  const MutexLock lock(mutex_);
  ++count_;
  lines_ += json::serialize(line) + "\n";
  if (lines_.size() < kQuarantineFileBytes || failure_) return;
  if (auto done = flush(); !done) failure_ = done.error();
}

Result<Done> Quarantine::flush() {
  AwsClient::Call call;
  call.method = "PUT";
  call.path = "/" + bucket_ + "/" + percent_encode(file_key(), true);
  call.headers = {{"content-type", "application/x-ndjson"}};
  call.body = std::move(lines_);
  lines_.clear();
  for (int attempt = 0;; ++attempt) {
    auto reply = client_.send(call);
    if (reply && reply->status == 200) {
      ++files_;
      return Done{};
    }
    if (attempt == 2)
      return Error{503,
                   "QuarantineFailure",
                   "the quarantine bucket " + bucket_ + " did not take the rejected records: " +
                       (reply ? error_code(*reply) : reply.error().message),
                   {}};
  }
}

Result<std::string> Quarantine::finish() {
  const MutexLock lock(mutex_);
  if (failure_) return *failure_;
  if (!lines_.empty()) CHECK(flush());
  if (files_ == 0) return std::string();
  files_ = 0;
  return file_key();
}

}  // namespace sluice::ingest
