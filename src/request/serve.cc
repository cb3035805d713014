// SPDX-License-Identifier: Apache-2.0
#include "request/serve.h"

#include <spdlog/spdlog.h>

#include "base/address.h"
#include "base/bytes.h"
#include "base/random.h"
#include "crypto/crypto.h"
#include "request/cross_origin.h"
#include "request/form.h"
#include "request/gunzip.h"
#include "request/reply.h"
#include "request/route.h"
#include "request/sigv4.h"

namespace sluice {
namespace {
class TextSource : public BodySource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Result<size_t> read(char* into, size_t size) override {
    const size_t n = text_.copy(into, size, at_);
    at_ += n;
    return n;
  }

 private:
  std::string text_;
  size_t at_ = 0;
};

void parse_query(Request& request) {
  const size_t mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  request.raw_query = mark == std::string::npos ? "" : request.target.substr(mark + 1);
}
// False: a field has a broken escape; the others were added.
bool append_fields(std::string_view text, std::vector<std::pair<std::string, std::string>>& into) {
  bool well_formed = true;
  for (const auto part : split(text, '&')) {
    if (part.empty()) continue;
    const size_t equals = part.find('=');
    const auto name = percent_decode(part.substr(0, equals), true);
    const auto value = equals == part.npos ? std::optional<std::string>("")
                                           : percent_decode(part.substr(equals + 1), true);
    if (name && value)
      into.emplace_back(*name, *value);
    else
      well_formed = false;
  }
  return well_formed;
}
// Sources: S3 API Reference, "Error responses"; IAM API Reference, "Common errors".
Error malformed_query(const Service& service) {
  if (service.protocol == Protocol::rest_xml)
    return {400, "InvalidURI", "Couldn't parse the specified URI.", {}};
  return {
      service.protocol == Protocol::query ? 404 : 400,
      "MalformedQueryString",
      "The query string contains a syntax error: a percent sign that two hex digits do not follow.",
      {}};
}

size_t body_bytes_max(const Service& service) {
  return service.name == "dynamodb"     ? kDynamoBodyBytesMax
         : service.name == "lambda"     ? kLambdaBodyBytesMax
         : service.name == "monitoring" ? kMetricsBodyBytesMax
                                        : kBodyBytesMax;
}
Error too_large(const Service& service) {
  std::string text =
      "The request body is larger than " + std::to_string(body_bytes_max(service)) + " bytes.";
  if (service.protocol == Protocol::rest_xml)
    return {400, "MaxMessageLengthExceeded", "Your request was too large. " + text, {}};
  return {413,
          service.protocol == Protocol::rest_json ? "RequestTooLargeException"
                                                  : "RequestEntityTooLarge",
          std::move(text),
          {}};
}

Error slow_down(const Service& service, std::string text) {
  switch (service.protocol) {
    case Protocol::rest_xml: return {503, "SlowDown", std::move(text), {}};
    case Protocol::rest_json: return {429, "TooManyRequestsException", std::move(text), {}};
    case Protocol::query: return {400, "Throttling", std::move(text), {}};
    default: return {400, "ThrottlingException", std::move(text), {}};
  }
}

// A body that comes in drops would hold its memory for as long as its sender likes.
bool is_too_slow(int64_t begun_us, size_t bytes) {
  const int64_t seconds = (monotonic_us() - begun_us) / 1'000'000 - kBodyGraceS;
  return seconds > 0 && static_cast<int64_t>(bytes) < seconds * kBodyBytesPerSecondMin;
}

Result<std::string> read_all(BodySource& source, const Request& request, const Service& service,
                             BodyBudget::Share& share, size_t unproven_max = SIZE_MAX) {
  const size_t bytes_max = std::min(body_bytes_max(service), unproven_max);
  // A body that says that it is too large is refused before a byte of it is read.
  const std::string length = request.headers.get("content-length");
  if (const auto declared = parse_int(length);
      !length.empty() && (!declared || *declared > static_cast<int64_t>(bytes_max)))
    return too_large(service);
  // The length is only a claim, so memory is taken in steps, as the bytes arrive.
  constexpr size_t kProbeBytes = 512, kStepBytesMax = 1 << 20;
  const int64_t begun_us = monotonic_us();
  std::string out;
  constexpr size_t kFirstStepOfChunks = 16 << 10;
  for (size_t step =
           !length.empty()
               ? std::min(kStepBytesMax, static_cast<size_t>(*parse_int(length)) + kProbeBytes)
           : request.headers.find("transfer-encoding") ? kFirstStepOfChunks
                                                       : kProbeBytes;  // RFC 9112 6.3: none
       ; step = std::min(std::max(step, out.size()), kStepBytesMax)) {
    const size_t old = out.size();
    if (out.capacity() - old > kProbeBytes) step = std::min(step, out.capacity() - old);
    if (!share.grow_to(old + step))
      return slow_down(service,
                       "The bodies that the server holds leave no room for this one; try again.");
    out.resize(old + step);
    auto got = source.read(out.data() + old, step);
    out.resize(old + (got ? *got : 0));
    if (!got) return std::move(got).error();
    if (!*got) return out;
    if (out.size() > bytes_max) return too_large(service);
    if (is_too_slow(begun_us, out.size()))
      return Error{400,
                   "RequestTimeout",
                   "The request's body comes too slowly: " +
                       std::to_string(kBodyBytesPerSecondMin) + " bytes a second at least.",
                   {}};
  }
}

// Reads the whole payload. A checksum that came in the trailers is added to the headers, where the
// operation looks for it.
Result<std::string> read_whole(BodySource& payload, Request& request, const Service& service,
                               BodyBudget::Share& share) {
  TRY(std::string body, read_all(payload, request, service, share));
  if (const Headers* trailers = payload.trailers())
    for (const auto& [name, value] : trailers->list)
      if (name.starts_with("x-amz-checksum-") && !request.headers.find(name))
        request.headers.add(name, value);
  return body;
}

// Whether there is no room for this on a nearly full disk. Deleting writes little and makes room.
bool takes_in(const Row& row) {
  return row.writes && !row.read_only && !row.name.starts_with("Delete") &&
         !row.name.starts_with("Abort");
}
Error disk_nearly_full() {
  return {503,
          "ServiceUnavailable",
          "The disk of the server is nearly full: until there is room again it reads and deletes "
          "only. Nothing was changed.",
          {}};
}

// AWS says AccessDenied in XML and AccessDeniedException in JSON; in the JSON RPC protocols its
// status is 400.
Error in_dialect(Error error, const Service& service) {
  if (error.code != "AccessDenied" || service.protocol == Protocol::rest_xml ||
      service.protocol == Protocol::query)
    return error;
  error.code = "AccessDeniedException";
  error.status = service.protocol == Protocol::rest_json ? 403 : 400;
  return error;
}
// Whether a body is larger than the bytes that do not count. Without a length it may be.
bool is_large(const Request& request) {
  const auto length = parse_int(request.headers.get("content-length"));
  return length ? *length > static_cast<int64_t>(kFreeBytes)
                : request.headers.find("transfer-encoding") != nullptr;
}
Error never_allowed(const Session& session, const Row& row, const Scope& scope) {
  return {403,
          "AccessDenied",
          "User: " + session.arn(scope) +
              " is not authorized to perform: " + std::string(row.action) +
              " because no identity-based policy allows the " + std::string(row.action) + " action",
          {}};
}
}  // namespace

Path::Attempt Path::attempt(const Request& request, const Service& service, const Row& row,
                            const Caller& caller, AuditFacts& facts,
                            std::shared_ptr<void>& received, const Rider& rider, Staged& staged) {
  facts = {};
  Result<Response> outcome =
      Error{500, "InternalFailure", "The server failed; nothing was changed.", {}};
  try {
    outcome = takes_in(row) && ports_.store->disk_is_low()
                  ? disk_nearly_full()
                  : row.perform(request, caller, ports_, staged, facts, received);
    if (outcome && rider)
      if (auto rode = rider(staged); !rode) outcome = std::move(rode).error();
  } catch (const std::exception& bug) {
    spdlog::error("{} failed: {} (request {})", row.name, bug.what(), request.id);
  }
  if (!outcome) outcome = in_dialect(std::move(outcome).error(), service);
  const Scope& scope = ports_.store->scope();
  const AuditedCall call{.request = request,
                         .service = service,
                         .row = &row,
                         .caller = &caller,
                         .facts = facts,
                         .error = outcome ? nullptr : &outcome.error(),
                         .response = outcome ? &*outcome : nullptr};
  std::vector<std::string> records{audit_record(call, scope)};
  if (outcome)
    for (std::string& use : key_use_records(call, scope)) records.push_back(std::move(use));
  else
    staged = ports_.store->stage();
  return {std::move(outcome), std::move(records)};
}

Result<Response> Path::run(const Request& request, const Service& service, const Row& row,
                           const Caller& caller, AuditFacts& facts, std::optional<Receipt>& receipt,
                           const Rider& rider) {
  std::shared_ptr<void> received;  // the body, for when the request is run again
  for (int tries = 0;; ++tries) {
    Staged staged = ports_.store->stage();
    Attempt last = attempt(request, service, row, caller, facts, received, rider, staged);
    if (!last.outcome && last.outcome.error().code == "Conflict" && tries < kConflictRetriesMax)
      continue;  // what it took in took so long that the rest is to be done on a fresh snapshot
    const Rerun rerun = [&](Staged& fresh) {
      last = attempt(request, service, row, caller, facts, received, rider, fresh);
      return std::move(last.records);
    };
    auto committed =
        ports_.store->commit(std::move(staged), std::move(last.records),
                             row.queues ? rerun : Rerun(), wait_for(row, last.outcome.has_value()));
    if (committed) {
      receipt = *std::move(committed);
      return std::move(last.outcome);
    }
    if (committed.error().code != "Conflict") return std::move(committed).error();
    if (tries == kConflictRetriesMax)
      return Error{503,
                   service.protocol == Protocol::rest_xml ? "SlowDown" : "ThrottlingException",
                   "Too many requests change the same thing; try again.",
                   {}};
  }
}

// The record of a call that failed before it had a commit, or that lost each of them to others.
std::optional<Receipt> Path::record_failure(AuditedCall call, Result<Response>& outcome) {
  call.error = &outcome.error();
  auto committed =
      ports_.store->commit(ports_.store->stage(), {audit_record(call, ports_.store->scope())});
  if (committed) return *std::move(committed);
  outcome = std::move(committed).error();
  return std::nullopt;
}

// An allowed read of data, a list or a Decrypt changes nothing and gives nobody a right: its answer
// need not wait for the disk. A denial does, and whatever changes something or makes a session.
Wait Path::wait_for(const Row& row, bool allowed) const {
  const bool reads_data = row.read_only && !row.writes &&
                          (row.data_event || row.name == "Decrypt" || row.name.starts_with("List"));
  return allowed && reads_data && !syncs_audit_of_reads_ ? Wait::until_written : Wait::until_synced;
}

Response Path::refuse_stranger(const Request& request, const Service& service, const Error& error,
                               const Session* token_of) {
  count(service, nullptr, &error, monotonic_us());
  const std::string source =
      request.unix_uid >= 0 ? "uid " + std::to_string(request.unix_uid) : request.source_ip;
  if (strangers_.admit(source, request.time)) {
    if (auto committed = ports_.store->commit(
            ports_.store->stage(),
            {stranger_record(request, service, token_of, error, ports_.store->scope())});
        !committed)
      return refuse(request, service, committed.error());
  }
  return refuse(request, service, error);
}

void Path::count(const Service& service, const Row* row, const Error* error, int64_t begun_us) {
  counters_.count(service, row, error ? error->code : "", monotonic_us() - begun_us);
}

void Path::record_unrecorded_strangers() {
  const StrangerLimit::Unrecorded unrecorded = strangers_.take();
  if (!unrecorded.failures) return;
  if (auto committed = ports_.store->commit(
          ports_.store->stage(), {unrecorded_record(unrecorded, now(), ports_.store->scope())});
      !committed)
    spdlog::error("{} failures to authenticate since {} have no record: {}", unrecorded.failures,
                  iso_seconds(unrecorded.since), committed.error().message);
}

Response Path::serve(Request request, BodySource& raw) {
  if (request.method == "OPTIONS") return preflight(std::move(request));
  const auto cross_origin = cross_origin_of(request, ports_);
  Response response = answer(std::move(request), raw);
  if (!cross_origin) return response;
  if (const auto allowed = ports_.buckets->cross_origin(*cross_origin, ports_.store->snapshot()))
    for (const auto& [name, value] : allowed->list) response.headers.add(name, value);
  return response;
}

// A preflight comes without a session. When it is refused, it is recorded like a stranger's call.
// When the rules allow it, it has no record: it changes nothing and tells only what the rules say.
Response Path::preflight(Request request) {
  static constexpr Service kS3{"s3", "s3.amazonaws.com", Protocol::rest_xml, "", "", {}, ""};
  request.time = now();
  request.id = random_upper(16);
  parse_query(request);
  auto answered = answer_preflight(request, ports_);
  if (!answered) return refuse_stranger(request, kS3, answered.error());
  answered->headers.add("x-amz-request-id", request.id);
  return *std::move(answered);
}

Response Path::answer(Request request, BodySource& raw) {
  const int64_t begun_us = monotonic_us();
  request.time = now();
  parse_query(request);
  const bool well_formed = append_fields(request.raw_query, request.query);
  const Service* found =
      request.unix_uid >= 0 ? ports_.operator_service : find_service(request, ports_.services);
  const Service& service = found ? *found : unknown_service(request);
  const bool s3 = service.protocol == Protocol::rest_xml;
  request.id = s3 ? random_upper(16) : random_uuid();
  if (!found)
    return refuse_stranger(
        request, service,
        service.protocol == Protocol::query
            ? Error{400, "InvalidAction", "No service of Sluice answers this request.", {}}
            : Error{404,
                    "UnknownOperationException",
                    "No service of Sluice answers this request.",
                    {}});

  if (!well_formed) return refuse_stranger(request, service, malformed_query(service));
  // Before a byte of the body: who claims to ask?
  auto opened = open_evidence(authenticators_, request, raw, service, ports_);
  if (!opened) return refuse_stranger(request, service, opened.error());
  const Evidence& evidence = **opened;

  // Where the head names the payload's hash, it is proven before the body takes any memory.
  BodyBudget::Share share(bodies_, evidence.account(), source_key(request.source_ip));
  const std::string named_hash = s3 ? "" : evidence.payload_hash(request);
  const auto read_body = [&]() -> Result<Done> {
    TRY(request.body, read_all(raw, request, service, share, evidence.body_bytes_max()));
    return Done{};
  };
  if (!s3 && named_hash.empty())
    if (auto read = read_body(); !read)
      return refuse_stranger(request, service, read.error(), evidence.session());
  auto authenticated = evidence.verify(request, service, ports_);
  if (!authenticated) return refuse_stranger(request, service, authenticated.error());
  const Caller& caller = **authenticated;
  if (evidence.session() && ports_.identities)
    ports_.identities->note_use(*evidence.session(), request.time);
  if (!raw.prove(evidence.account()))
    return refuse_stranger(request, service,
                           slow_down(service,
                                     "The session's other requests use all the connections that "
                                     "one session may have; try again when some are answered."),
                           evidence.session());
  share.prove();
  if (!named_hash.empty()) {
    // Told to who has proven himself alone: it says what a role may do.
    if (is_large(request))
      if (const auto asked = find_row(request, service);
          asked && !Gate::could_be_allowed((*asked)->action, *evidence.session(), ports_,
                                           ports_.store->snapshot()))
        return refuse_stranger(
            request, service,
            in_dialect(never_allowed(*evidence.session(), **asked, ports_.store->scope()), service),
            evidence.session());
    auto read = read_body();
    if (read && !equal_constant_time(hex(sha256(request.body)), lower(named_hash)))
      read = sigv4::fault(sigv4::Fault::mismatch, service);
    if (!read) return refuse_stranger(request, service, read.error(), evidence.session());
  }
  if (s3) to_path_style(request, ports_.store->scope());

  AuditFacts facts;
  std::optional<Receipt> receipt;
  const Row* row = nullptr;
  std::optional<const ReaderName> reader;
  bool payload_proven = true;
  Result<Response> outcome = [&]() -> Result<Response> {
    std::shared_ptr<BodySource> payload;
    if (s3) {  // so far only the head is proven
      payload_proven = false;
      TRY(payload, evidence.payload(raw, request));
    }
    if (service.name == "monitoring" && request.headers.get("content-encoding") == "gzip") {
      if (!share.grow_to(request.body.size() + body_bytes_max(service)))
        return slow_down(service, "The server has no room to unpack this body now; try again.");
      TRY(request.body, gunzip(request.body, body_bytes_max(service)));
    }
    const bool form_well_formed =
        service.protocol != Protocol::query || append_fields(request.body, request.query);
    TRY(row, find_row(request, service));
    reader.emplace(row->name);
    CHECK(check_proof(*row, evidence.proof()));
    if (request.form)
      CHECK(check_form_policy(*request.form, request.param("Bucket"), request.time));
    if (!form_well_formed) return malformed_query(service);
    if (row->streams)
      request.stream = payload;
    else if (payload) {
      TRY(request.body, read_whole(*payload, request, service, share));
      payload_proven = true;
    }
    return run(request, service, *row, caller, facts, receipt);
  }();
  if (!receipt && !outcome)
    receipt = record_failure({.request = request,
                              .service = service,
                              .row = row,
                              .caller = &caller,
                              .facts = facts,
                              .error = nullptr,
                              .payload_proven = payload_proven},
                             outcome);
  count(service, row, outcome ? nullptr : &outcome.error(), begun_us);
  if (!receipt) return refuse(request, service, outcome.error());
  return reply(*receipt, request, service, row, std::move(outcome));
}

Response Path::call(std::string_view service_name, std::string_view operation, Request request,
                    const Caller& caller, const Rider& rider) {
  const Service* service = nullptr;
  const auto has_it = [&](const Service& one) {
    return std::any_of(one.rows.begin(), one.rows.end(),
                       [&](const Row& row) { return row.name == operation; });
  };
  for (const Service* s : ports_.services)
    if (s->name == service_name && (!service || has_it(*s))) service = s;
  if (!service) return {500, {}, "no such service: " + std::string(service_name), nullptr, 0};
  const bool rest =
      service->protocol == Protocol::rest_xml || service->protocol == Protocol::rest_json;
  request.id = rest ? random_upper(16) : random_uuid();
  if (!request.time) request.time = now();
  if (request.path.empty() && !request.target.empty()) {
    parse_query(request);
    append_fields(request.raw_query, request.query);
  }
  if (request.source_ip.empty()) request.source_ip = std::string(service->event_source);
  // Nobody outside can read it, so policies see it as they see TLS.
  if (request.tls_version.empty()) request.tls_version = "TLSv1.3";
  const Row* row = nullptr;
  AuditFacts facts;
  std::optional<Receipt> receipt;
  Result<Response> outcome = [&]() -> Result<Response> {
    if (rest) {
      TRY(row, find_row(request, *service));
    } else {
      for (const Row& r : service->rows)
        if (r.name == operation) row = &r;
      if (!row) return Error{400, "UnknownOperationException", std::string(operation), {}};
    }
    // A body that never left the process needs no proof that it is whole, but S3 asks for one.
    if (service->protocol == Protocol::rest_xml && !request.body.empty() &&
        !request.headers.find("content-md5"))
      request.headers.add("content-md5", base64(md5(request.body)));
    if (row->streams) request.stream = std::make_shared<TextSource>(std::move(request.body));
    return run(request, *service, *row, caller, facts, receipt, rider);
  }();
  if (!receipt && !outcome)
    receipt = record_failure({.request = request,
                              .service = *service,
                              .row = row,
                              .caller = &caller,
                              .facts = facts,
                              .error = nullptr},
                             outcome);
  if (!receipt)
    return refuse(request, *service,
                  outcome ? Error{500, "InternalFailure", "no receipt", {}} : outcome.error());
  return reply(*receipt, request, *service, row, std::move(outcome));
}

}  // namespace sluice
