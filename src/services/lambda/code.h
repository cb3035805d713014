// SPDX-License-Identifier: Apache-2.0
#pragma once
// The zips of functions and layers: read from a request or from S3, checked, sealed into a file,
// and read again.
//
//   TRY(const Package package, read_package(*content, "CreateFunction", in));
//   TRY(const SealedCode sealed, seal_package(package, context, in.ports(), staged));
//   TRY(const std::string zip, open_package(sealed_code_of(*function), context, ports, snapshot));
#include "services/lambda/model.h"
#include "services/lambda/package.h"

namespace sluice::lambda {

// Where a package comes from, and on whose behalf.
struct PackageCall {
  template <class In>
  explicit PackageCall(const Authorized<In>& in)
      : ports(in.ports()), caller(in.caller()), facts(in.facts()) {}
  const Ports& ports;
  const Caller& caller;
  const Request& facts;
};
struct Package {
  std::string zip, sha256;  // `sha256` in base64
  PackageFacts facts;
};
// From ZipFile, or from S3Bucket, S3Key and S3ObjectVersion by a call in the caller's name.
// `operation` is what the error names. Errors: InvalidParameterValueException,
// SerializationException, RequestEntityTooLargeException.
Result<Package> read_package(const json::object& content, std::string_view operation,
                             const PackageCall& call);

// A file with a zip, and its data key sealed by KMS, in base64.
struct SealedCode {
  std::string blob, wrapped;
  int64_t bytes = 0;
  BlobRef ref() const { return {blob, static_cast<uint64_t>(bytes)}; }
};
inline SealedCode code_of(const Function& f) { return {f.blob, f.wrapped, f.code_bytes}; }
Result<SealedCode> seal_package(const Package& package, const json::object& context,
                                const Ports& ports, Staged& staged);
// The whole zip.
Result<std::string> open_package(const SealedCode& code, const json::object& context,
                                 const Ports& ports, const Snapshot& snapshot);
// The zip piece by piece, for an answer.
Result<Response> send_package(const SealedCode& code, const json::object& context,
                              const Ports& ports, const Snapshot& snapshot);

// A URL that gives the package to whoever has it, for ten minutes: a GET of `target` at this
// server, presigned for the session of the caller, and allowed only as long as he is. "" when the
// call brought no session, as one that a service makes.
constexpr int64_t kLocationMaxS = 600;
std::string location_of(const std::string& target, const PackageCall& call);

// GET of a function's package by that URL. AWS has no such operation: there the URL is one of S3.
struct GetFunctionCode : OnFunction<GetFunctionCode> {
  static constexpr std::string_view name = "GetFunctionCode", action = "lambda:GetFunction";
  static constexpr Match match{"GET", "/2015-03-31/functions/{FunctionName}/code", "", ""};
  static constexpr bool qualified = true;
  using Out = Response;
  static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
  static Response render(const Out& out) { return out; }
};

}  // namespace sluice::lambda
