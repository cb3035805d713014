// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an API operation is, and the proof objects that make the request path impossible to skip:
//   Request -> Caller -> Authorized<In> -> Staged -> Receipt -> Response        (ARCHITECTURE.md)
#include <array>
#include <concepts>
#include <map>
#include <span>

#include "policy/decide.h"
#include "request/message.h"
#include "store/store.h"

namespace sluice {

struct Ports;
struct Session;
namespace sigv4 {
class KnownSession;
}  // namespace sigv4

// One question for IAM. All of an operation's needs must be allowed; an empty list is a denial.
struct Need {
  std::string action;       // "s3:PutObject"
  std::string resource;     // ARN or "*"
  policy::Context context;  // service condition keys, lower case: {"s3:prefix", {"a/"}}
  std::vector<std::pair<policy::Kind, std::string>>
      policies;               // texts of the resource policies that apply
  std::string resource_type;  // for the audit record: "AWS::S3::Object"; "" = not listed
};
// Needs of operations that anybody with a valid session may call (sts:GetCallerIdentity):
// {Need::none()}.
inline Need no_need() { return {"", "", {}, {}, {}}; }

// Who signed the request; made by authentication only.
class Caller {
 public:
  const policy::Principal& principal() const { return principal_; }
  const json::object& user_identity() const { return user_identity_; }  // CloudTrail userIdentity
  const policy::Context& context() const { return context_; }           // aws:* keys of the session
  const std::string& user_id() const { return user_id_; }               // "AROA...:session"
  const std::string& access_key_id() const { return access_key_id_; }

 private:
  friend struct Gate;
  Caller() = default;
  policy::Principal principal_;
  json::object user_identity_;
  policy::Context context_;
  std::string user_id_, access_key_id_;
};

// Gate's word that one part of a call may be done, for operations that answer part by part
// (Authorized::ask).
class Permit {
  friend struct Gate;
  Permit() = default;
};

// An input whose every need IAM has allowed, with what surrounds it.
template <class In>
class Authorized {
 public:
  const In& operator*() const { return in_; }
  const In* operator->() const { return &in_; }
  const Caller& caller() const { return caller_; }
  const Ports& ports() const { return ports_; }
  const std::string& request_id() const { return request_.id; }
  const std::string& source_ip() const { return request_.source_ip; }
  Time time() const { return request_.time; }
  BodySource& body() const {
    return *request_.stream;
  }  // rows with `streams`: the verified payload
  // What may be refused without refusing the call (one key of DeleteObjects): decided by Gate, as
  // the needs are; else AWS's refusal.
  Result<Permit> ask(const std::vector<Need>& needs, const Snapshot& snapshot) const;
  const Request& facts() const {
    return request_;
  }  // for CloudFormation's and Lambda's calls in the caller's name only
 private:
  friend struct Gate;
  Authorized(const In& in, const Caller& caller, const Ports& ports, const Request& request)
      : in_(in), caller_(caller), ports_(ports), request_(request) {}
  const In& in_;
  const Caller& caller_;
  const Ports& ports_;
  const Request& request_;
};

// How an operation is found. Query and JSON protocols go by name; REST goes by method, path and
// query flag.
struct Match {
  std::string_view method,
      path;  // "PUT", "/{Bucket}/{Key+}"; {X} one segment (percent-decoded), {X+} the rest
  std::string_view flag;  // a query parameter that must be there: "policy", "list-type=2"; "" none
  std::string_view header;  // a header that must be there: "x-amz-copy-source"; "" none
};

template <class Op>
concept Operation = requires(const Request& request, const typename Op::In& in,
                             const typename Op::Out& out, const Snapshot& snapshot) {
  {
    Op::name
  } -> std::convertible_to<std::string_view>;  // "PutItem": route, metric and audit eventName
  { Op::action } -> std::convertible_to<std::string_view>;          // "dynamodb:PutItem"
  { Op::parse(request) } -> std::same_as<Result<typename Op::In>>;  // pure
  requires requires(const Ports& ports) {
    { Op::needs(in, snapshot, ports) } -> std::same_as<Result<std::vector<Need>>>;
  } || requires {
    { Op::needs(in, snapshot) } -> std::same_as<Result<std::vector<Need>>>;
  };
  { Op::render(out) } -> std::same_as<Response>;
};
template <class Op>
concept Reads = requires(const Authorized<typename Op::In>& in, const Snapshot& s) {
  { Op::run(in, s) } -> std::same_as<Result<typename Op::Out>>;
};
template <class Op>
concept Writes = requires(const Authorized<typename Op::In>& in, Staged& s) {
  { Op::run(in, s) } -> std::same_as<Result<typename Op::Out>>;
};
// Writes in two steps: `receive` takes in what can be had once (the body of a row that streams, the
// bytes of a copy's source), `run` stages it and is run again, with the same body, after a
// conflict.
template <class Op>
concept Receives =
    requires(const Authorized<typename Op::In>& in, typename Op::Body& body, Staged& s) {
      { Op::receive(in, s) } -> std::same_as<Result<typename Op::Body>>;
      { Op::run(in, body, s) } -> std::same_as<Result<typename Op::Out>>;
    };

struct AuditFacts {
  json::value request_parameters, response_elements;
  json::array resources;
  std::vector<Need> key_uses;
};  // filled by perform
// How a caller proved who he is (request/authenticator.h).
enum class Proof : uint8_t { header, presigned_url, form, unix_peer };
constexpr Proof kSigned[] = {Proof::header, Proof::presigned_url};
// One row of the operation table. Optional members of an operation, with their defaults:
//   proofs kSigned: the ways of proving who asks that the operation takes
//   match {} · data_event false · streams false (then it Receives) · read_only = Reads<Op>
//   refuses: the operation is there to say why there is no such thing; absent = it works
//   queues false: its writers of one key queue up in the commit (Store::commit, Rerun). What its
//   run decides on must come from Staged::get alone
//
//   static json::value audit(const In&): requestParameters (never payload or secret); default null.
//   Or with (const In&, const Snapshot&), or (const Request&).
//
//   static json::value audit(const In&, const Out&): responseElements, as `audit_result`; default
//   null.
struct Row {
  std::string_view name, action;
  Match match;
  bool writes, data_event, streams, read_only, refuses, queues;
  // `received`: null at first; keeps an operation's Body from one run to the next
  Result<Response> (*perform)(const Request&, const Caller&, const Ports&, Staged&, AuditFacts&,
                              std::shared_ptr<void>& received);
  std::span<const Proof> proofs = kSigned;
};

enum class Protocol { json10, json11, query, rest_json, rest_xml };
struct Service {
  std::string_view name;  // signing name: "dynamodb"; two services may share it, the one found by
                          // X-Amz-Target comes last
  std::string_view event_source;  // "dynamodb.amazonaws.com"
  Protocol protocol;
  std::string_view target;  // X-Amz-Target prefix (JSON) or API version (query)
  std::string_view xmlns;   // query and rest-xml
  std::span<const Row> rows;
  std::string_view error_namespace;  // __type prefix for JSON errors, e.g.
                                     // "com.amazonaws.dynamodb.v20120810#"; "" none
  std::span<const std::string_view> unsupported_flags =
      {};  // query parameters (S3 subresources) that answer NotImplemented
};

struct Gate {
  // Every need against every policy; AccessDenied with AWS's text. Defined in authorize.cc.
  static Result<Done> authorize(const std::vector<Need>& needs, const Request&, const Caller&,
                                const Ports&, const Snapshot&);
  // Whether the session's role could be allowed this action at all, by its own policies or by a
  // resource's; asked before a large body is read, when its resource is not known yet.
  static bool could_be_allowed(std::string_view action, const Session& session, const Ports&,
                               const Snapshot&);
  // What a trail keeps for itself, whatever policies allow.
  static Result<Done> check_guards(const std::vector<Need>& needs, const Caller&, const Ports&,
                                   Staged&);
  static Result<Permit> permit(const std::vector<Need>& needs, const Request& request,
                               const Caller& caller, const Ports& ports, const Snapshot& snapshot) {
    CHECK(authorize(needs, request, caller, ports, snapshot));
    return Permit();
  }
  // Whoever holds the session, when his signature was verified.
  static Result<std::shared_ptr<const Caller>> signed_caller(
      Result<Done> verified, const std::shared_ptr<const sigv4::KnownSession>& session);
  // Who runs the server, at its Unix socket. No policy names him: his rows need no permission.
  static std::shared_ptr<const Caller> owner_caller(int64_t unix_uid, const Scope&);
  static Caller role_caller(const Session& session, const Scope&);  // whoever holds this session
  // The same caller, in whose name a service calls on: invokedBy, aws:ViaAWSService, aws:CalledVia,
  // and no aws:SourceIp
  static Caller through(Caller caller, std::string_view service_principal);
  // "s3.amazonaws.com", for work of the server itself, on behalf of `source_arn`
  static Caller service_caller(std::string_view service_principal, const Scope&,
                               std::string_view source_arn = {});
  template <class Op>
  static Result<std::vector<Need>> needs_of(const typename Op::In& in, const Snapshot& snapshot,
                                            const Ports& ports) {
    if constexpr (requires { Op::needs(in, snapshot, ports); })
      return Op::needs(in, snapshot, ports);
    else
      return Op::needs(in, snapshot);
  }
  template <class Op>
  static Result<Response> perform(const Request& request, const Caller& caller, const Ports& ports,
                                  Staged& staged, AuditFacts& audit,
                                  std::shared_ptr<void>& received) {
    TRY(const auto in, Op::parse(request));
    if constexpr (requires { Op::audit(in, staged.snapshot()); })
      audit.request_parameters = Op::audit(in, staged.snapshot());
    else if constexpr (requires { Op::audit(in); })
      audit.request_parameters = Op::audit(in);
    else if constexpr (requires { Op::audit(request); })
      audit.request_parameters = Op::audit(request);
    TRY(const std::vector<Need> needs, needs_of<Op>(in, staged.snapshot(), ports));
    for (const Need& need : needs)
      if (need.action.starts_with("kms:") && !Op::action.starts_with("kms:"))
        audit.key_uses.push_back(need);  // KMS records it, not this service
      else if (!need.resource_type.empty())
        audit.resources.push_back(
            json::object{{"type", need.resource_type}, {"ARN", need.resource}});
    CHECK(authorize(needs, request, caller, ports, staged.snapshot()));
    const Authorized<typename Op::In> authorized(in, caller, ports, request);
    if constexpr (Reads<Op>) {
      TRY(const auto out, Op::run(authorized, staged.snapshot()));
      return Op::render(out);
    } else {
      CHECK(check_guards(needs, caller, ports, staged));
      TRY(const auto out, run<Op>(authorized, staged, received));
      if constexpr (requires { Op::audit_result(out); })
        audit.response_elements = Op::audit_result(out);
      return Op::render(out);
    }
  }

 private:
  template <class Op>
  static Result<typename Op::Out> run(const Authorized<typename Op::In>& authorized, Staged& staged,
                                      std::shared_ptr<void>& received) {
    if constexpr (Receives<Op>) {
      if (!received) {
        TRY(auto body, Op::receive(authorized, staged));
        received = std::make_shared<typename Op::Body>(std::move(body));
      }
      return Op::run(authorized, *std::static_pointer_cast<typename Op::Body>(received), staged);
    } else {
      (void)received;
      return Op::run(authorized, staged);
    }
  }
};

template <class In>
Result<Permit> Authorized<In>::ask(const std::vector<Need>& needs, const Snapshot& snapshot) const {
  return Gate::permit(needs, request_, caller_, ports_, snapshot);
}

template <class Op>
constexpr Row row() {
  static_assert(Operation<Op>,
                "an operation needs name, action, parse, needs and render (operation.h)");
  static_assert(Reads<Op> + Writes<Op> + Receives<Op> == 1,
                "run() takes a const Snapshot&, a Staged&, or a Body& and a Staged&");
  constexpr bool refuses = requires { Op::refuses; };
  Row r{Op::name, Op::action, {},      !Reads<Op>, false,
        false,    Reads<Op>,  refuses, false,      &Gate::perform<Op>};
  if constexpr (requires { Op::proofs; }) r.proofs = Op::proofs;
  if constexpr (requires { Op::match; }) r.match = Op::match;
  if constexpr (requires { Op::data_event; }) r.data_event = Op::data_event;
  if constexpr (requires { Op::streams; }) {
    static_assert(!Op::streams || Receives<Op>,
                  "a streamed body can be read once: receive() takes it in, run() may run again");
    r.streams = Op::streams;
  }
  if constexpr (requires { Op::read_only; }) r.read_only = Op::read_only;
  if constexpr (requires { Op::queues; }) r.queues = Op::queues;
  return r;
}
template <class... Ops>
constexpr auto table() {
  return std::array<Row, sizeof...(Ops)>{row<Ops>()...};
}

}  // namespace sluice
