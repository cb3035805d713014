// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an operation of an API is, and the types that allow no step to be left out on the way from a
// request to its answer (ARCHITECTURE.md):
//   Request -> Caller -> Authorized<In> -> Staged -> Receipt -> Response
//
// An operation is a struct. table<>() makes the rows of a service from its operations:
//
//   struct GetRole {
//     static constexpr std::string_view name = "GetRole", action = "iam:GetRole";
//     using In = RoleIn;
//     using Out = RoleOut;
//     static Result<In> parse(const Request& request);
//     static Result<std::vector<Need>> needs(const In& in, const Snapshot& snapshot);
//     static Result<Out> run(const Authorized<In>& in, const Snapshot& snapshot);
//     static Response render(const Out& out);
//   };
//   constexpr auto kTable = table<CreateRole, GetRole>();
#include <array>
#include <concepts>
#include <functional>
#include <map>
#include <span>

#include "policy/decide.h"
#include "request/message.h"
#include "store/store.h"

namespace sluice {

struct Ports;
struct Session;
struct SessionMarks;
struct WebIdentity;
struct CertificateIdentity;
namespace sigv4 {
class KnownSession;
}  // namespace sigv4

// One permission that an operation needs. All of its needs must be allowed; an empty list of needs
// is a denial.
struct Need {
  std::string action;       // "s3:PutObject"
  std::string resource;     // ARN or "*"
  policy::Context context;  // the service's condition keys, lower case: {"s3:prefix", {"a/"}}
  std::vector<policy::Attached> policies;  // the resource policies that apply
  // How the audit record lists the resource: "AWS::S3::Object". "": it does not list it.
  std::string resource_type;
  // Of a KMS key, the grants that cover this need and may be for this principal. It is asked when
  // no policy allows what is needed, and none denies it.
  std::function<std::vector<policy::Grant>(const policy::Principal&)> grants = {};
};
// The need of an operation that anybody with a valid session may call, such as
// sts:GetCallerIdentity. Its `needs` returns {no_need()}.
inline Need no_need() { return {"", "", {}, {}, {}}; }
// A list of this need. What stands between the braces of a vector is copied.
inline std::vector<Need> list_of(Need need) {
  std::vector<Need> needs;
  needs.reserve(2);  // mostly the need of a key follows
  needs.push_back(std::move(need));
  return needs;
}

// Who signed the request. Only authentication can make one.
class Caller {
 public:
  const policy::Principal& principal() const { return principal_; }
  // CloudTrail's userIdentity, as JSON without its invokedBy: written once for all calls of a
  // session. And invokedBy: the service that calls in its own name or in his; "" when none does.
  const std::string& user_identity() const { return user_identity_; }
  const std::string& invoked_by() const { return invoked_by_; }
  const policy::Context& context() const { return context_; }  // aws:* keys of the session
  const std::string& user_id() const { return user_id_; }      // "AROA...:session"
  const std::string& access_key_id() const { return access_key_id_; }
  // nullptr: he has no session, or it was given nothing.
  const SessionMarks* marks() const { return marks_.get(); }
  // Of the session; nullptr: it has none, and may do what its role may.
  using SessionPolicies = std::vector<policy::Attached>;
  const std::shared_ptr<const SessionPolicies>& session_policies() const {
    return session_policies_;
  }

 private:
  friend struct Gate;
  Caller() = default;
  std::shared_ptr<const SessionMarks> marks_;
  std::shared_ptr<const SessionPolicies> session_policies_;
  policy::Principal principal_;
  policy::Context context_;
  std::string user_identity_, invoked_by_;
  std::string user_id_, access_key_id_;
};

// The proof that Gate has allowed one part of a call (Authorized::ask).
class Permit {
  friend struct Gate;
  Permit() = default;
};

// What `perform` learns of a call for its audit record.
struct AuditFacts {
  json::value request_parameters, response_elements;
  std::string written_parameters;  // the first as JSON, where an operation has written it itself
  struct Resource {
    std::string type, arn;
  };
  std::vector<Resource> resources;
  // A KMS key that the call uses on the caller's behalf.
  struct KeyUse {
    std::string action, key_arn;
    std::vector<std::pair<std::string, std::string>> encryption_context;
  };
  std::vector<KeyUse> key_uses;
  void note_key_use(const Need& need);
  // The statements that its decisions rest on, each once: at most one more than a record shows.
  struct Determining {
    policy::DeterminingStatement statement;
    std::shared_ptr<const void> owner;  // of the policy or the grant that it stands in
  };
  std::vector<Determining> determining;
};

// The input of an operation after IAM has allowed all of its needs, and what is known of the call.
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
  // The verified payload, for rows with `streams`.
  BodySource& body() const { return *request_.stream; }
  // Some operations refuse one part of a call and do the others: DeleteObjects may refuse one key.
  // They ask here for the permission of each part. The error is the refusal that AWS gives.
  Result<Permit> ask(const std::vector<Need>& needs, const Snapshot& snapshot) const;
  // Only for the calls that CloudFormation and Lambda make in the caller's name.
  const Request& facts() const { return request_; }

 private:
  friend struct Gate;
  Authorized(const In& in, const Caller& caller, const Ports& ports, const Request& request,
             AuditFacts& audit)
      : in_(in), caller_(caller), ports_(ports), request_(request), audit_(audit) {}
  const In& in_;
  const Caller& caller_;
  const Ports& ports_;
  const Request& request_;
  AuditFacts& audit_;
};

// How the operation of a REST service is found. In query and JSON protocols the request names it.
struct Match {
  // "PUT", "/{Bucket}/{Key+}": {X} is one segment of the path, percent-decoded, {X+} all the rest.
  std::string_view method, path;
  // A query parameter that must be there: "policy", "list-type=2". "": none.
  std::string_view flag;
  // A header that must be there: "x-amz-copy-source". "": none.
  std::string_view header;
};

// `name` is "PutItem": it finds the row, and stands in metrics and as eventName in the audit
// record. `action` is "dynamodb:PutItem". `parse` reads nothing but the request. `needs` may also
// ask the ports. Each operation has a `run` besides: see Reads, Writes and Receives.
template <class Op>
concept Operation = requires(const Request& request, const typename Op::In& in,
                             const typename Op::Out& out, const Snapshot& snapshot) {
  { Op::name } -> std::convertible_to<std::string_view>;
  { Op::action } -> std::convertible_to<std::string_view>;
  { Op::parse(request) } -> std::same_as<Result<typename Op::In>>;
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
// Writes in two steps. `receive` takes in what can be had only once: the body of a row that
// streams, the bytes that a copy copies, what came of a function. `run` then stages it. After a
// conflict only `run` is done again, with the same body.
template <class Op>
concept Receives =
    requires(const Authorized<typename Op::In>& in, typename Op::Body& body, Staged& s) {
      { Op::receive(in, s) } -> std::same_as<Result<typename Op::Body>>;
      { Op::run(in, body, s) } -> std::same_as<Result<typename Op::Out>>;
    };

// How a caller proved who he is (request/authenticator.h).
// unix_peer is the owner of the server, local_user another user whom he lets in.
enum class Proof : uint8_t {
  header,
  presigned_url,
  form,
  unix_peer,
  local_user,
  web_identity,
  certificate
};
constexpr Proof kSigned[] = {Proof::header, Proof::presigned_url};
// One row of the table of operations. An operation may also have these members:
//   proofs       the ways of proving who asks that it takes; without it, kSigned
//   match        for REST services: how it is found
//   data_event   true: CloudTrail counts it as a data event
//   streams      true: its body is not held whole; it Receives
//   read_only    what the audit record says of it; without it, whether it Reads
//   refuses      there is no such thing here, and the operation only says why
//   queues       true: writers of one key queue up in the commit (Store::commit, Rerun). All that
//                its run decides on must come from Staged::get
//   audit        of (const In&), (const In&, const Snapshot&) or (const Request&): what the audit
//                record has as requestParameters. Never a payload or a secret. It is a
//                json::value, or of (const In&, const Snapshot&) also a std::string that is JSON
//   audit_result of (const Out&): what the audit record has as responseElements
struct Row {
  std::string_view name, action;
  Match match;
  bool writes, data_event, streams, read_only, refuses, queues;
  // `received` is null at first. It keeps the Body of an operation from one run to the next.
  Result<Response> (*perform)(const Request&, const Caller&, const Ports&, Staged&, AuditFacts&,
                              std::shared_ptr<void>& received);
  std::span<const Proof> proofs = kSigned;
};

enum class Protocol { json10, json11, query, rest_json, rest_xml };
struct Service {
  // The signing name: "dynamodb". Two services may share it; the one that is found by X-Amz-Target
  // comes last in the list of services.
  std::string_view name;
  std::string_view event_source;  // "dynamodb.amazonaws.com"
  Protocol protocol;
  std::string_view target;  // JSON: the prefix of X-Amz-Target; query: the version of the API
  std::string_view xmlns;   // for query and rest-xml
  std::span<const Row> rows;
  // What stands before the code in the __type of JSON errors: "com.amazonaws.dynamodb.v20120810#".
  std::string_view error_namespace;
  // Query parameters (subresources of S3) that are answered with NotImplemented.
  std::span<const std::string_view> unsupported_flags = {};
};

// Decides who a caller is and what he may do. It alone makes Caller, Permit and Authorized.
struct Gate {
  // Asks the policies about each need. The determining statements of a call's own needs are noted
  // in `audit`. Errors: AccessDenied with AWS's text.
  static Result<Done> authorize(const std::vector<Need>& needs, const Request&, const Caller&,
                                const Ports&, const Snapshot&, AuditFacts* audit = nullptr);
  // Whether the role of the session could be allowed this action on any resource, by its own
  // policies or by those of the resource. This is asked before a large body is read, while it is
  // not yet known which resource the call is about.
  static bool could_be_allowed(std::string_view action, const Session& session, const Ports&,
                               const Snapshot&);
  // Refuses writes where a trail alone may write, whatever the policies allow (Trails::may_write).
  static Result<Done> check_guards(const std::vector<Need>& needs, const Caller&, const Ports&,
                                   Staged&);
  static Result<Permit> permit(const std::vector<Need>& needs, const Request& request,
                               const Caller& caller, const Ports& ports, const Snapshot& snapshot,
                               AuditFacts& audit) {
    CHECK(authorize(needs, request, caller, ports, snapshot, &audit));
    return Permit();
  }
  // Whoever holds the session, when his signature was verified.
  static Result<std::shared_ptr<const Caller>> signed_caller(
      const Result<Done>& verified, const std::shared_ptr<const sigv4::KnownSession>& session);
  // Who runs the server, at its Unix socket. No policy names him: his rows need no permission.
  static std::shared_ptr<const Caller> owner_caller(int64_t unix_uid, const Scope&);
  // Another user of the machine whom the owner lets in: what trusts the account trusts him.
  static std::shared_ptr<const Caller> local_user_caller(int64_t unix_uid, const Scope&);
  // Who has a token of an identity provider, once it was verified.
  static std::shared_ptr<const Caller> web_identity_caller(const WebIdentity&, const Scope&);
  // Who holds a certificate of a trust anchor, once it was verified: the service Roles Anywhere, on
  // behalf of the anchor and with the tags of the certificate.
  static std::shared_ptr<const Caller> certificate_caller(const CertificateIdentity&, const Scope&);
  // Whoever holds this session.
  static Caller role_caller(const Session& session, const Scope&);
  // The same caller when a service makes a call in his name: invokedBy, aws:ViaAWSService and
  // aws:CalledVia are set, and there is no aws:SourceIp.
  static Caller through(Caller caller, std::string_view service_principal);
  // A service such as "s3.amazonaws.com", for work of the server itself on behalf of `source_arn`.
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
    if constexpr (requires {
                    { Op::audit(in, staged.snapshot()) } -> std::same_as<std::string>;
                  })
      audit.written_parameters = Op::audit(in, staged.snapshot());
    else if constexpr (requires { Op::audit(in, staged.snapshot()); })
      audit.request_parameters = Op::audit(in, staged.snapshot());
    else if constexpr (requires { Op::audit(in); })
      audit.request_parameters = Op::audit(in);
    else if constexpr (requires { Op::audit(request); })
      audit.request_parameters = Op::audit(request);
    TRY(const std::vector<Need> needs, needs_of<Op>(in, staged.snapshot(), ports));
    for (const Need& need : needs)
      if (need.action.starts_with("kms:") && !Op::action.starts_with("kms:"))
        audit.note_key_use(need);  // KMS records it, not this service
      else if (!need.resource_type.empty())
        audit.resources.push_back({need.resource_type, need.resource});
    CHECK(authorize(needs, request, caller, ports, staged.snapshot(), &audit));
    const Authorized<typename Op::In> authorized(in, caller, ports, request, audit);
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
  return Gate::permit(needs, request_, caller_, ports_, snapshot, audit_);
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
