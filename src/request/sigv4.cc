// SPDX-License-Identifier: Apache-2.0
#include "request/sigv4.h"

#include <algorithm>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "request/form.h"

namespace sluice::sigv4 {
namespace {

// The status and the code of a fault. There is one for each dialect: S3, query, JSON and rest-json.
struct Dialect {
  int status;
  const char* code;
};
struct FaultRow {
  Fault fault;
  Dialect s3, query, json, rest_json;
  const char* message;
};
constexpr FaultRow kFaults[] = {
    {Fault::none_given,
     {403, "AccessDenied"},
     {403, "MissingAuthenticationToken"},
     {400, "MissingAuthenticationTokenException"},
     {403, "MissingAuthenticationTokenException"},
     "Request is missing Authentication Token"},
    {Fault::malformed,
     {400, "AuthorizationHeaderMalformed"},
     {400, "IncompleteSignature"},
     {400, "IncompleteSignatureException"},
     {403, "IncompleteSignatureException"},
     "The authorization header is malformed."},
    {Fault::unknown_key,
     {403, "InvalidAccessKeyId"},
     {403, "InvalidClientTokenId"},
     {400, "UnrecognizedClientException"},
     {403, "UnrecognizedClientException"},
     "The security token included in the request is invalid."},
    {Fault::mismatch,
     {403, "SignatureDoesNotMatch"},
     {403, "SignatureDoesNotMatch"},
     {400, "InvalidSignatureException"},
     {403, "InvalidSignatureException"},
     "The request signature we calculated does not match the signature you provided. Check your "
     "AWS Secret Access Key and signing method."},
    {Fault::expired_token,
     {400, "ExpiredToken"},
     {403, "ExpiredToken"},
     {400, "ExpiredTokenException"},
     {403, "ExpiredTokenException"},
     "The provided token has expired."},
    {Fault::bad_token,
     {400, "InvalidToken"},
     {403, "InvalidClientTokenId"},
     {400, "UnrecognizedClientException"},
     {403, "UnrecognizedClientException"},
     "The security token included in the request is invalid."},
    {Fault::skewed,
     {403, "RequestTimeTooSkewed"},
     {403, "SignatureDoesNotMatch"},
     {400, "InvalidSignatureException"},
     {403, "InvalidSignatureException"},
     "The difference between the request time and the current time is too large."},
    {Fault::scope,
     {400, "AuthorizationHeaderMalformed"},
     {403, "SignatureDoesNotMatch"},
     {400, "InvalidSignatureException"},
     {403, "InvalidSignatureException"},
     "Credential scope is wrong."},
    {Fault::wrong_region,
     {400, "AuthorizationHeaderMalformed"},
     {403, "SignatureDoesNotMatch"},
     {400, "InvalidSignatureException"},
     {403, "InvalidSignatureException"},
     "Credential should be scoped to a valid Region."},
    {Fault::expired_presign,
     {403, "AccessDenied"},
     {403, "SignatureDoesNotMatch"},
     {400, "InvalidSignatureException"},
     {403, "InvalidSignatureException"},
     "Request has expired"},
    {Fault::unsigned_header,
     {403, "AccessDenied"},
     {403, "SignatureDoesNotMatch"},
     {400, "InvalidSignatureException"},
     {403, "InvalidSignatureException"},
     "There were headers present in the request which were not signed"},
};

std::vector<std::string> split_headers(std::string_view text) {
  std::vector<std::string> out;
  for (const auto part : split(text, ';'))
    if (!part.empty()) out.emplace_back(part);
  return out;
}

// S3 begins each text with the same words. The texts of other services only say what is wrong.
Error malformed(const Service& service, const std::string& s3_text, std::string other_text) {
  return fault(Fault::malformed, service,
               service.protocol == Protocol::rest_xml
                   ? "The authorization header is malformed; " + s3_text
                   : std::move(other_text));
}

// What a stranger has sent (a date, a Region, a service), as the error shows it to him.
std::string quoted(std::string_view text) { return "'" + std::string(text.substr(0, 128)) + "'"; }

bool parse_scope(std::string_view credential, Claim& claim) {
  const auto parts = split(credential, '/');
  if (parts.size() != 5 || parts[0].empty() || parts[0].size() > 128) return false;
  claim.access_key_id = parts[0];
  claim.date = parts[1];
  claim.region = parts[2];
  claim.service = parts[3];
  claim.terminator = parts[4];
  return true;
}

Result<Claim> parse_presigned(const Request& request, const Service& service) {
  const auto bad = [&](std::string text) {
    return service.protocol == Protocol::rest_xml
               ? Error{400, "AuthorizationQueryParametersError", std::move(text), {}}
               : fault(Fault::malformed, service, std::move(text));
  };
  Claim claim;
  claim.presigned = true;
  if (request.query_text("X-Amz-Algorithm") != "AWS4-HMAC-SHA256")
    return bad("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
  for (const char* needed : {"X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
                             "X-Amz-SignedHeaders", "X-Amz-Signature"})
    if (request.query_text(needed).empty())
      return bad(
          "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
          "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters. "
          "Missing: " +
          std::string(needed) + ".");
  // It is no part of what is signed: beside the one that counts anything could stand.
  if (std::ranges::count(request.query, "X-Amz-Signature",
                         &std::pair<std::string, std::string>::first) > 1)
    return bad("X-Amz-Signature must be there once.");
  if (!parse_scope(request.query_text("X-Amz-Credential"), claim))
    return bad(
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  claim.time_text = request.query_text("X-Amz-Date");
  const auto time = parse_basic_date(claim.time_text);
  if (!time) return bad("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  claim.time = *time;
  const auto expires = parse_int(request.query_text("X-Amz-Expires"));
  if (!expires || *expires < 1) return bad("X-Amz-Expires should be a number greater than 0");
  if (*expires > kPresignMaxS)
    return bad("X-Amz-Expires must be less than a week (in seconds) that is 604800");
  claim.expires_s = *expires;
  claim.signed_headers = split_headers(request.query_text("X-Amz-SignedHeaders"));
  claim.signature = request.query_text("X-Amz-Signature");
  claim.token = request.query_text("X-Amz-Security-Token");
  if (claim.signature.size() != 64) return bad("X-Amz-Signature must be 64 hex digits");
  return claim;
}

std::string canonical_uri(std::string_view path, bool s3) {
  if (path.empty()) return "/";
  if (s3) return percent_encode(percent_decode(path).value_or(std::string(path)), true);
  std::vector<std::string_view> kept;
  for (const auto part : split(path, '/')) {
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!part.empty() && part != ".")
      kept.push_back(part);
  }
  std::string out;
  for (const auto part : kept) out += "/" + percent_encode(part);
  if (out.empty() || path.back() == '/') out += '/';
  return out;
}

std::string canonical_query(std::string_view raw) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto part : split(raw, '&')) {
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    const auto name = part.substr(0, equals),
               value = equals == part.npos ? std::string_view() : part.substr(equals + 1);
    auto decoded = percent_decode(name, true);
    if (!decoded) decoded = std::string(name);
    if (*decoded == "X-Amz-Signature") continue;
    pairs.emplace_back(percent_encode(*decoded),
                       percent_encode(percent_decode(value, true).value_or(std::string(value))));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs) out += (out.empty() ? "" : "&") + name + "=" + value;
  return out;
}

std::string canonical_value(const Headers& headers, std::string_view name) {
  std::string out;
  bool first = true;
  for (const auto& [key, value] : headers.list) {
    if (key != name) continue;
    if (!first) out += ',';
    first = false;
    for (std::string_view rest = trim(value); !rest.empty();) {  // of several blanks one counts
      const size_t end = std::min(rest.find("  "), rest.size());
      out += rest.substr(0, end);
      if (end < rest.size()) out += ' ';
      rest.remove_prefix(std::min(rest.find_first_not_of(' ', end), rest.size()));
    }
  }
  return out;
}

Result<Done> verify_clock(const Request& request, const Claim& claim, const Service& service) {
  const Time skew = claim.time - request.time;
  const bool s3 = service.protocol == Protocol::rest_xml;
  const Time allowed = s3 ? kSkewS3Ms : kSkewMs;
  if (claim.presigned) {
    if (skew > allowed) return fault(Fault::expired_presign, service, "Request is not yet valid");
    if (request.time > claim.time + claim.expires_s * 1000)
      return fault(Fault::expired_presign, service, {},
                   {{"X-Amz-Expires", std::to_string(claim.expires_s)},
                    {"Expires", iso_seconds(claim.time + claim.expires_s * 1000)},
                    {"ServerTime", iso_seconds(request.time)}});
    return Done{};
  }
  if (skew <= allowed && skew >= -allowed) return Done{};
  if (s3)
    return fault(Fault::skewed, service, {},
                 {{"RequestTime", claim.time_text},
                  {"ServerTime", iso_seconds(request.time)},
                  {"MaxAllowedSkewMilliseconds", std::to_string(kSkewS3Ms)}});
  const std::string at = basic_date(request.time);
  if (skew < 0)
    return fault(Fault::skewed, service,
                 "Signature expired: " + claim.time_text + " is now earlier than " +
                     basic_date(request.time - kSkewMs) + " (" + at + " - 5 min.)");
  return fault(Fault::skewed, service,
               "Signature not yet current: " + claim.time_text + " is still later than " +
                   basic_date(request.time + kSkewMs) + " (" + at + " + 5 min.)");
}

Result<Done> verify_scope(const Claim& claim, const Service& service, const Scope& scope) {
  const bool s3 = service.protocol == Protocol::rest_xml;
  if (claim.date != claim.time_text.substr(0, 8))
    return fault(Fault::scope, service,
                 s3 ? "The authorization header is malformed; Invalid credential date " +
                          quoted(claim.date) + ". This date is not the same as X-Amz-Date: '" +
                          claim.time_text.substr(0, 8) + "'."
                    : "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
                      "date from HTTP: " +
                          quoted(claim.date) + " != '" + claim.time_text.substr(0, 8) + "'.");
  // IAM has one endpoint for all Regions, and its clients always sign for us-east-1.
  const bool global = service.name == "iam" || service.name == "sts";
  if (claim.region != scope.region && !(global && claim.region == "us-east-1")) {
    if (s3)
      return fault(Fault::wrong_region, service,
                   "The authorization header is malformed; the region " + quoted(claim.region) +
                       " is wrong; expecting '" + scope.region + "'",
                   // A HEAD has no body, and clients look for the Region to sign for in the header.
                   {{"Region", scope.region}, {"header:x-amz-bucket-region", scope.region}});
    return fault(Fault::wrong_region, service,
                 "Credential should be scoped to a valid Region, not '" + claim.region +
                     "'. This server's Region is '" + scope.region + "'.");
  }
  if (claim.service != service.name)
    return fault(Fault::scope, service,
                 s3 ? "The authorization header is malformed; incorrect service " +
                          quoted(claim.service) + ". This endpoint belongs to 's3'."
                    : "Credential should be scoped to correct service: '" +
                          std::string(service.name) + "'.");
  if (claim.terminator != "aws4_request")
    return fault(Fault::scope, service,
                 s3 ? "The authorization header is malformed; incorrect terminal " +
                          quoted(claim.terminator) + ". This endpoint uses 'aws4_request'."
                    : "Credential should be scoped with a valid terminator: 'aws4_request', not " +
                          quoted(claim.terminator) + ".");
  return Done{};
}

Result<Done> verify_signed_headers(const Request& request, const Claim& claim,
                                   const Service& service) {
  const auto is_signed = [&](std::string_view name) {
    return std::find(claim.signed_headers.begin(), claim.signed_headers.end(), name) !=
           claim.signed_headers.end();
  };
  if (!is_signed("host"))
    return fault(Fault::mismatch, service,
                 "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  std::string missing;
  for (const auto& [name, value] : request.headers.list)
    if (name.starts_with("x-amz-") && !is_signed(name))
      missing += (missing.empty() ? "" : ", ") + name;
  if (!missing.empty())
    return fault(Fault::unsigned_header, service, {}, {{"HeadersNotSigned", missing}});
  return Done{};
}
}  // namespace

Error fault(Fault what, const Service& service, std::string message,
            std::vector<std::pair<std::string, std::string>> details) {
  const FaultRow* row = kFaults;
  while (row->fault != what) ++row;
  const Dialect& d = service.protocol == Protocol::rest_xml    ? row->s3
                     : service.protocol == Protocol::query     ? row->query
                     : service.protocol == Protocol::rest_json ? row->rest_json
                                                               : row->json;
  return {d.status, d.code, message.empty() ? row->message : std::move(message),
          std::move(details)};
}

namespace {
Result<Done> require_components(const Claim& claim, const Service& service) {
  std::string missing, sentences;
  for (const auto& [name, there] : {std::pair{"Credential", !claim.access_key_id.empty()},
                                    std::pair{"Signature", !claim.signature.empty()},
                                    std::pair{"SignedHeaders", !claim.signed_headers.empty()}}) {
    if (there) continue;
    missing += (missing.empty() ? "" : ", ") + std::string(name);
    sentences += (sentences.empty() ? "" : " ") +
                 ("Authorization header requires '" + std::string(name) + "' parameter.");
  }
  if (missing.empty()) return Done{};
  return malformed(service,
                   "the authorization header requires three components: Credential, "
                   "SignedHeaders, and Signature. Missing: " +
                       missing + ".",
                   sentences);
}

// Checks that x-amz-content-sha256 names a mode that S3 has.
Result<Done> check_payload_mode(const Request& request) {
  const std::string* mode = request.headers.find("x-amz-content-sha256");
  if (!mode || mode->empty() || *mode == "UNSIGNED-PAYLOAD" || mode->starts_with("STREAMING-") ||
      (mode->size() == 64 && unhex(*mode)))
    return Done{};
  return Error{400,
               "InvalidArgument",
               "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
               "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-UNSIGNED-PAYLOAD-TRAILER or "
               "a valid sha256 value.",
               {{"ArgumentName", "x-amz-content-sha256"}, {"ArgumentValue", mode->substr(0, 128)}}};
}
}  // namespace

Result<Claim> parse(const Request& request, const Service& service, std::string_view algorithm) {
  const std::string authorization = request.headers.get("authorization");
  const bool presigned =
      request.query_value("X-Amz-Algorithm") || request.query_value("X-Amz-Signature");
  if (presigned && !authorization.empty())
    return Error{400,
                 "InvalidArgument",
                 "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
                 "Signature query string parameter or the Authorization header should be specified",
                 {}};
  if (presigned) return parse_presigned(request, service);
  if (authorization.starts_with("AWS ") || request.query_value("AWSAccessKeyId"))
    return Error{400,
                 "InvalidRequest",
                 "The authorization mechanism you have provided is not supported. Please use "
                 "AWS4-HMAC-SHA256.",
                 {}};
  if (authorization.empty()) return fault(Fault::none_given, service);
  const size_t algorithm_end = std::min(authorization.find(' '), authorization.size());
  if (std::string_view(authorization).substr(0, algorithm_end) != algorithm)
    return malformed(service, "unsupported authorization type; expecting AWS4-HMAC-SHA256.",
                     "Unsupported authorization type; expecting AWS4-HMAC-SHA256.");
  Claim claim;
  claim.algorithm = algorithm;
  for (const auto item : split(std::string_view(authorization).substr(algorithm.size()), ',')) {
    const auto part = trim(item);
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    if (equals == part.npos)
      return malformed(service, "the authorization component " + quoted(part) + " is malformed.",
                       quoted(part) +
                           " not a valid key=value pair (missing equal-sign) in Authorization "
                           "header.");
    const auto name = part.substr(0, equals), value = part.substr(equals + 1);
    if (name == "Credential") {
      if (!parse_scope(value, claim))
        return malformed(service,
                         "the Credential is mal-formed; expecting "
                         "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
                         "Credential must have exactly 5 slash-delimited elements, e.g. "
                         "keyid/date/region/service/term, got " +
                             quoted(value) + ".");
    } else if (name == "SignedHeaders")
      claim.signed_headers = split_headers(value);
    else if (name == "Signature")
      claim.signature = value;
    else
      return malformed(service, "the authorization component " + quoted(part) + " is malformed.",
                       quoted(name) + " is no parameter of the Authorization header.");
  }
  CHECK(require_components(claim, service));
  claim.token = request.headers.get("x-amz-security-token");
  claim.time_text = request.headers.get("x-amz-date");
  auto time = parse_basic_date(claim.time_text);
  if (claim.time_text.empty() && (time = parse_http_date(request.headers.get("date"))))
    claim.time_text = basic_date(*time);
  if (!time && service.protocol == Protocol::rest_xml)
    return fault(Fault::none_given, service,
                 "AWS authentication requires a valid Date or x-amz-date header");
  if (!time && claim.time_text.empty() && !request.headers.find("date"))
    return fault(Fault::malformed, service,
                 "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' "
                 "header.");
  if (!time)
    return fault(
        Fault::malformed, service,
        "Date must be in ISO-8601 'basic format'. Got " +
            quoted(claim.time_text.empty() ? request.headers.get("date") : claim.time_text) + ".");
  if (service.protocol == Protocol::rest_xml) CHECK(check_payload_mode(request));
  claim.time = *time;
  return claim;
}

// Source: S3 API Reference, "Authenticating Requests in Browser-Based Uploads Using POST".
Result<Claim> parse_form(const FormUpload& form, const Service& service) {
  const auto bad = [](std::string_view field, std::string text) {
    return Error{400,
                 "InvalidArgument",
                 std::move(text),
                 {{"ArgumentName", std::string(field)}, {"ArgumentValue", ""}}};
  };
  if (!form.fields.find("policy")) return fault(Fault::none_given, service);
  Claim claim;
  if (form.fields.get("x-amz-algorithm") != "AWS4-HMAC-SHA256")
    return bad("x-amz-algorithm", "x-amz-algorithm only supports \"AWS4-HMAC-SHA256\"");
  if (!parse_scope(form.fields.get("x-amz-credential"), claim))
    return bad("x-amz-credential",
               "the Credential is mal-formed; expecting "
               "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  claim.time_text = form.fields.get("x-amz-date");
  const auto time = parse_basic_date(claim.time_text);
  if (!time) return bad("x-amz-date", "x-amz-date must be formatted as \"yyyyMMdd'T'HHmmss'Z'\"");
  claim.time = *time;
  claim.signature = form.fields.get("x-amz-signature");
  claim.token = form.fields.get("x-amz-security-token");
  return claim;
}

Result<Done> verify_form(const FormUpload& form, const Claim& claim, const KnownSession& session,
                         const Service& service, const Ports& ports) {
  CHECK(verify_scope(claim, service, ports.store->scope()));
  const std::string to_sign = form.fields.get("policy");
  const std::string expected = hex(hmac_sha256(session.signing_key(claim).expose(), to_sign));
  if (equal_constant_time(expected, claim.signature)) return Done{};
  return fault(Fault::mismatch, service, {},
               {{"AWSAccessKeyId", claim.access_key_id}, {"StringToSign", to_sign}});
}

Secret KnownSession::signing_key(const Claim& claim) const {
  constexpr size_t kKeysMax = 16;
  const std::string scope = claim.date + "/" + claim.region + "/" + claim.service;
  const MutexLock lock(mutex_);
  for (const auto& [known, key] : keys_)
    if (known == scope) return key;
  if (keys_.size() == kKeysMax) keys_.clear();
  return keys_.emplace_back(scope, Secret(sigv4::signing_key(session.secret_access_key, claim)))
      .second;
}

Result<std::shared_ptr<const KnownSession>> KnownSessions::find(const Claim& claim,
                                                                const Service& service,
                                                                const Ports& ports, Time now) {
  const bool s3 = service.protocol == Protocol::rest_xml;
  // There are no long-lived keys, so a key without a token cannot be known.
  if (claim.token.empty())
    return s3 ? fault(Fault::unknown_key, service,
                      "The AWS Access Key Id you provided does not exist in our records.",
                      {{"AWSAccessKeyId", claim.access_key_id}})
              : fault(Fault::unknown_key, service);
  auto found = open(claim.token, ports, now);
  if (!found) return fault(Fault::bad_token, service);
  const Session& session = (*found)->session;
  if (!equal_constant_time(session.access_key_id, claim.access_key_id))
    return fault(Fault::bad_token, service);
  if (session.expires <= now)
    return fault(Fault::expired_token, service,
                 s3 ? "" : "The security token included in the request is expired");
  const auto rules = ports.identities->rules(session.role_name, ports.store->snapshot());
  if (!rules || rules->role.id != session.role_id)
    return fault(Fault::bad_token, service);  // the role is gone; another may have its name
  return found;
}

Result<std::shared_ptr<const KnownSession>> KnownSessions::open(const std::string& token,
                                                                const Ports& ports, Time now) {
  const std::string name = sha256(token);
  {
    const MutexLock lock(mutex_);
    if (const auto known = known_.find(name); known != known_.end()) return known->second;
  }
  TRY(Session opened, ports.sessions->open(token));
  auto made = std::make_shared<const KnownSession>(std::move(opened), ports.store->scope());
  const MutexLock lock(mutex_);
  if (known_.size() >= kSessionsMax)
    std::erase_if(known_, [now](const auto& one) { return one.second->session.expires <= now; });
  if (known_.size() >= kSessionsMax) known_.clear();
  known_.emplace(name, made);
  return made;
}

std::string canonical_request(const Request& request, const Claim& claim,
                              std::string_view payload_hash, bool s3) {
  const std::string_view target(request.target);
  std::string out = request.method + "\n" + canonical_uri(target.substr(0, target.find('?')), s3) +
                    "\n" + canonical_query(request.raw_query) + "\n";
  std::string names;
  for (const std::string& name : claim.signed_headers) {
    out += name + ":" + canonical_value(request.headers, name) + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  return out + "\n" + names + "\n" + std::string(payload_hash);
}

std::string string_to_sign(const Claim& claim, std::string_view canonical) {
  return claim.algorithm + "\n" + claim.time_text + "\n" + claim.date + "/" + claim.region + "/" +
         claim.service + "/" + claim.terminator + "\n" + hex(sha256(canonical));
}

std::string signing_key(const Secret& secret, const Claim& claim) {
  const Secret seed("AWS4" + std::string(secret.expose()));
  return hmac_sha256(
      hmac_sha256(hmac_sha256(hmac_sha256(seed.expose(), claim.date), claim.region), claim.service),
      "aws4_request");
}

std::optional<std::string> signed_payload_hash(const Request& request, const Claim& claim) {
  constexpr std::string_view kHeader = "x-amz-content-sha256";
  std::string named = request.headers.get(kHeader);
  const bool is_hash = named.size() == 64 && unhex(named).has_value();
  const auto& names = claim.signed_headers;
  if (!is_hash || std::find(names.begin(), names.end(), kHeader) == names.end())
    return std::nullopt;
  return named;
}

Result<Done> verify(const Request& request, const Claim& claim, const KnownSession& session,
                    std::string_view payload_hash, const Service& service, const Ports& ports) {
  CHECK(verify_scope(claim, service, ports.store->scope()));
  CHECK(verify_clock(request, claim, service));
  CHECK(verify_signed_headers(request, claim, service));
  const bool s3 = service.protocol == Protocol::rest_xml;
  const std::string canonical = canonical_request(request, claim, payload_hash, s3),
                    to_sign = string_to_sign(claim, canonical);
  const std::string expected = hex(hmac_sha256(session.signing_key(claim).expose(), to_sign));
  if (equal_constant_time(expected, claim.signature)) return Done{};
  if (s3)
    return fault(Fault::mismatch, service, {},
                 {{"AWSAccessKeyId", claim.access_key_id},
                  {"StringToSign", to_sign},
                  {"SignatureProvided", claim.signature},
                  {"CanonicalRequest", canonical}});
  return fault(Fault::mismatch, service);
}

Result<Done> verify_x509(const Request& request, const Claim& claim, const Certificate& certificate,
                         std::string_view payload_hash, const Service& service,
                         const Ports& ports) {
  CHECK(verify_scope(claim, service, ports.store->scope()));
  CHECK(verify_clock(request, claim, service));
  CHECK(verify_signed_headers(request, claim, service));
  const auto key = certificate.key();
  const auto signature = unhex(claim.signature);
  if (!key || !signature || claim.access_key_id != certificate.serial_decimal())
    return fault(Fault::mismatch, service);
  const std::string to_sign =
      string_to_sign(claim, canonical_request(request, claim, payload_hash, false));
  const bool good = claim.algorithm == kX509Rsa ? key->verify_rs256(to_sign, *signature)
                                                : key->verify_ecdsa(to_sign, *signature);
  return good ? Result<Done>(Done{}) : fault(Fault::mismatch, service);
}

}  // namespace sluice::sigv4
