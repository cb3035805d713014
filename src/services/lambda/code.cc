// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/code.h"

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "request/presign.h"

namespace sluice::lambda {
namespace {
constexpr size_t kPieceBytes = 1 << 20;

// Reads an object of S3 in the caller's name, by a call like any other.
Result<std::string> code_from_s3(const json::object& content, const PackageCall& by) {
  const std::string bucket = text_of(content, "S3Bucket"), key = text_of(content, "S3Key"),
                    version = text_of(content, "S3ObjectVersion");
  Request request;
  request.method = "GET";
  request.target = "/" + percent_encode(bucket) + "/" + percent_encode(key, true) +
                   (version.empty() ? "" : "?versionId=" + percent_encode(version));
  request.source_ip = by.facts.source_ip;
  request.tls_version = by.facts.tls_version;
  request.headers.add("host", "s3." + by.ports.store->scope().region + ".amazonaws.com");
  request.headers.add("user-agent", "lambda.amazonaws.com");
  Response answer = by.ports.dispatcher->call("s3", "GetObject", std::move(request), by.caller);
  if (answer.status != 200)
    return invalid("Error occurred while GetObject. S3 answered " + std::to_string(answer.status) +
                   " for s3://" + bucket + "/" + key +
                   ". Check that it exists and that you may read it.");
  if (answer.stream_bytes > kUnzippedBytesMax)
    return invalid("Unzipped size must be smaller than 262144000 bytes");
  std::string zip = std::move(answer.body);
  while (answer.stream && zip.size() < answer.stream_bytes) {
    TRY(const std::string piece, answer.stream->next());
    if (piece.empty())
      return Error{500, "ServiceException", "The code could not be read from S3.", {}};
    zip += piece;
  }
  return zip;
}

Result<std::string> code_from_body(const json::object& content, std::string_view operation) {
  auto bytes = unbase64(text_of(content, "ZipFile"));
  if (!bytes) return Error{400, "SerializationException", "ZipFile must be base64.", {}};
  if (bytes->size() > kZipBytesMax)
    return Error{413,
                 "RequestEntityTooLargeException",
                 "Request must be smaller than " + std::to_string(kZipBytesMax) +
                     " bytes for the " + std::string(operation) + " operation",
                 {}};
  return *std::move(bytes);
}

Result<std::shared_ptr<BlobReader>> open_reader(const SealedCode& code, const json::object& context,
                                                const Ports& ports, const Snapshot& snapshot) {
  TRY(const Secret key,
      ports.data_keys->unwrap(unbase64(code.wrapped).value_or(""), context, snapshot));
  TRY(auto reader, ports.store->read_blob(code.ref(), key));
  return std::shared_ptr<BlobReader>(std::move(reader));
}

class CodeProducer : public BodyProducer {
 public:
  explicit CodeProducer(std::shared_ptr<BlobReader> reader) : reader_(std::move(reader)) {}
  Result<std::string> next() override {
    TRY(std::string piece, reader_->read(at_, kPieceBytes));
    at_ += piece.size();
    return piece;
  }

 private:
  const std::shared_ptr<BlobReader> reader_;  // it can be read on when the code is replaced
  uint64_t at_ = 0;
};
}  // namespace

Result<Package> read_package(const json::object& content, std::string_view operation,
                             const PackageCall& call) {
  Package package;
  if (Fields(content).find("ZipFile")) {
    TRY(package.zip, code_from_body(content, operation));
  } else if (Fields(content).find("S3Bucket") && Fields(content).find("S3Key")) {
    TRY(package.zip, code_from_s3(content, call));
  } else {
    return invalid("Please provide a source for function code.");
  }
  TRY(package.facts, check_package(package.zip));
  package.sha256 = base64(sha256(package.zip));
  return package;
}

Result<SealedCode> seal_package(const Package& package, const json::object& context,
                                const Ports& ports, Staged& staged) {
  TRY(const DataKey key, ports.data_keys->generate("alias/aws/lambda", context, staged));
  auto writer = ports.store->write_blob(key.plain);
  CHECK(writer->write(package.zip));
  TRY(const BlobRef blob, writer->finish());
  staged.adopt(blob);
  return SealedCode{blob.id, base64(key.wrapped), static_cast<int64_t>(package.zip.size())};
}

Result<std::string> open_package(const SealedCode& code, const json::object& context,
                                 const Ports& ports, const Snapshot& snapshot) {
  TRY(const auto reader, open_reader(code, context, ports, snapshot));
  const auto whole = static_cast<size_t>(code.bytes);
  std::string zip;
  while (zip.size() < whole) {
    TRY(const std::string piece,
        reader->read(zip.size(), std::min(kPieceBytes, whole - zip.size())));
    if (piece.empty())
      return Error{500, "ServiceException", "The function's code could not be read.", {}};
    zip += piece;
  }
  return zip;
}

Result<Response> send_package(const SealedCode& code, const json::object& context,
                              const Ports& ports, const Snapshot& snapshot) {
  TRY(auto reader, open_reader(code, context, ports, snapshot));
  Response answer{200,
                  {},
                  "",
                  std::make_shared<CodeProducer>(std::move(reader)),
                  static_cast<uint64_t>(code.bytes)};
  answer.headers.add("content-type", "application/zip");
  return answer;
}

std::string location_of(const std::string& target, const PackageCall& call) {
  const std::string& token = call.facts.session_token;
  const std::string host = call.facts.headers.get("host");
  if (token.empty() || host.empty()) return "";
  const auto session = call.ports.sessions->open(token);
  if (!session || session->access_key_id != call.caller.access_key_id()) return "";
  return presigned_url({.scheme = call.facts.tls_version.empty() ? "http" : "https",
                        .host = host,
                        .target = target,
                        .service = "lambda",
                        .region = call.ports.store->scope().region,
                        .time = call.facts.time,
                        .expires_s = kLocationMaxS},
                       *session);
}

Result<Response> GetFunctionCode::run(const Authorized<In>& in, const Snapshot& snapshot) {
  TRY(const auto function, find_function(snapshot, *in));
  return send_package(code_of(*function), code_context(snapshot.scope(), in->name), in.ports(),
                      snapshot);
}

}  // namespace sluice::lambda
