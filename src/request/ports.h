// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where services meet. Each class is a small interface that one service implements and others use;
// Ports holds them, and src/cli/server.cc fills it. So no service includes another.
//
//   TRY(const KeyView key, in.ports().data_keys->find("alias/aws/s3", snapshot));
//   TRY(const DataKey data_key, in.ports().data_keys->generate(key.arn, context, staged));
//   in.ports().journal->append(staged, "/aws/lambda/report", stream, {{time, "done"}});
#include <functional>
#include <set>

#include "crypto/certificate.h"
#include "request/operation.h"
#include "request/session_marks.h"
#include "base/thread_safety.h"

namespace sluice {

// A set of temporary credentials.
struct Session {
  std::string access_key_id;  // ASIA...
  Secret secret_access_key;
  std::string token;
  std::string role_arn, role_id, role_name, session_name;
  Time issued = 0, expires = 0;
  SessionMarks marks;
  std::string arn(const Scope& scope) const;  // arn:aws:sts::A:assumed-role/<RoleName>/<session>
};

// Makes sessions and opens them again. They are sealed into their own tokens, so that nothing about
// them is stored (request/session.h).
class Sessions {
 public:
  virtual ~Sessions() = default;
  virtual Session mint(std::string_view role_arn, std::string_view role_id,
                       std::string_view session_name, int64_t duration_s,
                       SessionMarks marks = {}) = 0;
  // Errors: InvalidToken when the token is not ours. Whoever calls this must look whether the
  // session has expired.
  virtual Result<Session> open(std::string_view token) = 0;
};

struct RoleView {
  std::string name, arn, id;
  policy::Stored<policy::Kind::trust> trust_policy;
  int64_t max_session_s = 3600;
  std::vector<std::pair<std::string, std::string>> inline_policies;  // name and text
  // Of a managed policy its ARN, and its default version. What is missing is empty, which denies.
  using ManagedDocument = policy::Stored<policy::Kind::identity>;
  using Managed = std::pair<std::string, ManagedDocument>;
  std::vector<Managed> managed_policies;
  std::optional<Managed> boundary;
  std::map<std::string, std::string> tags;
};
struct RoleRules {
  RoleView role;
  std::vector<policy::Attached> policies;
  std::optional<std::vector<policy::Attached>> boundary;
  // The Snapshot::commit() at which they were read.
  uint64_t read_at;
};
// The role of the owner of the server.
constexpr std::string_view kOperatorRole = "sluice-operator";

// An OpenID Connect provider that the account trusts.
struct OidcProviderView {
  std::string arn;
  std::vector<std::string> client_ids;
};

// The users of this machine whom the owner lets in, by uid: the name of the role of each.
using LocalUsers = std::map<int64_t, std::string>;

// The roles that there are. Implemented by iam.
class Identities {
 public:
  virtual ~Identities() = default;
  // Must read nothing but the tables iam.role, iam.role-policy and iam.policy.
  virtual std::optional<RoleView> role(std::string_view role_name, const Snapshot&) const = 0;
  // The role with its policies parsed; nullptr when there is none. Every request asks for it, so it
  // is kept until a role, a role's policy or a managed policy changes.
  std::shared_ptr<const RoleRules> rules(std::string_view role_name, const Snapshot&) const;
  virtual std::optional<RoleView> role_by_id(std::string_view role_id, const Snapshot&) const = 0;
  // The default version of a managed policy, of the account or of AWS; empty when there is none.
  virtual policy::Stored<policy::Kind::identity> managed_policy(const std::string& arn,
                                                                const Snapshot&) const = 0;
  // By its URL without https://.
  virtual std::optional<OidcProviderView> oidc_provider(std::string_view url,
                                                        const Snapshot&) const = 0;
  // A session of the role was used. Every request says so; it is written down now and then.
  virtual void note_use(const Session& session, Time at) = 0;
  virtual std::optional<Time> last_use(std::string_view role_id, const Snapshot&) const = 0;
  virtual Result<Done> write_uses(Store& store) = 0;

 private:
  mutable Mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const RoleRules>, std::less<>> rules_
      SLUICE_GUARDED_BY(mutex_);
};

// Who a token of an OpenID Connect provider says that its bearer is, once its signature holds.
struct WebIdentity {
  std::string provider_arn, issuer;  // issuer: without https://
  std::string subject, audience;
  // What the token marks the session with.
  std::vector<std::pair<std::string, std::string>> tags;
  std::vector<std::string> transitive;
  std::string source_identity;
};
// The tokens that are taken. Implemented by sts.
class WebIdentities {
 public:
  virtual ~WebIdentities() = default;
  // Errors: InvalidIdentityToken, ExpiredTokenException, IDPRejectedClaim.
  virtual Result<WebIdentity> verify(std::string_view token, Time now, const Snapshot&) const = 0;
};

// A certificate that somebody shows, and has shown to hold the key of.
struct CertificateClaim {
  std::string anchor_arn;
  std::string profile_arn;  // its mappings say what the certificate tells of its holder
  Certificate leaf;
  std::vector<Certificate> between;  // on the way to the anchor
};
// Who that is, once the certificate leads to the anchor.
struct CertificateIdentity {
  std::string anchor_arn;
  std::string serial;  // in hex
  std::string subject_id;
  std::map<std::string, std::string> tags;  // {"x509Subject/CN", "pump"}
};
// The certificates that are trusted. Implemented by rolesanywhere.
class CertificateIdentities {
 public:
  virtual ~CertificateIdentities() = default;
  // Errors: AccessDeniedException.
  virtual Result<CertificateIdentity> verify(const CertificateClaim& claim, Time now,
                                             const Snapshot&) const = 0;
};

// A certificate that the server's own authority for devices has made: all in PEM.
struct DeviceCertificate {
  std::string authority, certificate, serial;  // serial: in hex
  Secret key;
};
// That authority. Implemented in src/cli/server.cc over net.
class DeviceAuthority {
 public:
  virtual ~DeviceAuthority() = default;
  virtual Result<DeviceCertificate> issue(const std::string& name, int64_t days) = 0;
  // The list of all that were revoked, this one too, in PEM.
  virtual Result<std::string> revoke(const std::string& serial) = 0;
};

struct KeyView {
  std::string arn, id, state;  // Enabled, Disabled or PendingDeletion
  bool encrypts = false;       // symmetric, for encryption: the only kind that services take
};
struct DataKey {
  Secret plain;
  std::string wrapped;
  std::string key_arn;
};
// The keys of KMS, for services that encrypt with them. Implemented by kms.
class DataKeys {
 public:
  virtual ~DataKeys() = default;
  // `reference` is an id, an ARN, or the name or the ARN of an alias. "alias/aws/s3" and
  // "alias/aws/dynamodb" are service keys, which are made when they are used first. Errors:
  // NotFoundException.
  virtual Result<KeyView> find(std::string_view reference, const Snapshot&) const = 0;
  // What the caller needs so that a service may use the key on his behalf. It has kms:ViaService,
  // kms:EncryptionContext:* and the policy of the key. nullopt for service keys. `via` "": the
  // caller is a service, and comes for nobody else.
  virtual Result<std::optional<Need>> need(std::string_view action, std::string_view reference,
                                           const json::object& context, std::string_view via,
                                           const Snapshot&) const = 0;
  // Errors: NotFoundException, DisabledException, KMSInvalidStateException.
  virtual Result<DataKey> generate(std::string_view reference, const json::object& context,
                                   Staged&) = 0;
  virtual Result<Secret> unwrap(std::string_view wrapped, const json::object& context,
                                const Snapshot&) = 0;
};

// The streams of tables, for whoever reads one on. Implemented by dynamodb.
class ChangeStreams {
 public:
  virtual ~ChangeStreams() = default;
  // The sequence number after which all records come that are written from now on. Errors:
  // ResourceNotFoundException.
  virtual Result<std::string> now_at(const std::string& stream_arn, const Snapshot&) const = 0;
  // Waits until there may be a record after a sequence number. False: `until` has come, there is no
  // such stream, or stopping() answers true.
  virtual bool wait_past(const std::string& stream_arn, const std::string& sequence_number,
                         std::chrono::steady_clock::time_point until,
                         const std::function<bool()>& stopping) const = 0;
};

// The policies of functions: S3 asks when a notification is put. Implemented by lambda.
class FunctionPolicies {
 public:
  virtual ~FunctionPolicies() = default;
  // The policies that bear on a call of the function. Errors: ResourceNotFoundException when there
  // is no such function.
  virtual Result<std::vector<policy::Attached>> policies(std::string_view function_arn,
                                                         const Snapshot&) const = 0;
};

// What a page of another origin asks of a bucket, in a preflight or in the request itself.
struct CrossOrigin {
  std::string bucket, origin, method;
  std::vector<std::string> headers;  // lower case
};
// The buckets that there are. Implemented by s3.
class Buckets {
 public:
  virtual ~Buckets() = default;
  // The policies that bear on a call of the bucket. Errors: NoSuchBucket.
  virtual Result<std::vector<policy::Attached>> policies(const std::string& bucket,
                                                         const Snapshot&) const = 0;
  // The headers that the CORS rules of the bucket add to the answer. nullopt when no rule allows
  // what is asked, or when there is no such bucket.
  virtual std::optional<Headers> cross_origin(const CrossOrigin& asked, const Snapshot&) const = 0;
};

// The trails that there are. Implemented by cloudtrail.
class Trails {
 public:
  virtual ~Trails() = default;
  // A trail was changed and is to be looked at now. Does not block.
  virtual void wake() = 0;
  // Only a trail itself may write below its prefix in its bucket, whatever the policies allow.
  // Errors: AccessDenied. The trails are read through `staged`, so that a trail that was made while
  // a body was on its way is a conflict.
  virtual Result<Done> may_write(const std::vector<Need>& needs, const Caller& caller,
                                 Staged& staged) const = 0;
};

// What services write into CloudWatch Logs. Implemented by logs.
class Journal {
 public:
  virtual ~Journal() = default;
  struct Line {
    Time time;
    std::string message;
  };
  // Makes the group and the stream when they do not exist. Lines in the embedded metric format also
  // become metrics.
  virtual void append(Staged&, std::string_view group, std::string_view stream,
                      const std::vector<Line>& lines) = 0;
};
// What services count in CloudWatch. Implemented by cloudwatch.
class Meter {
 public:
  using Dimensions = std::vector<std::pair<std::string, std::string>>;
  struct Sample {
    std::string_view space, metric;
    const Dimensions& dimensions;
    std::span<const double> values;
    std::string_view unit;
    Time time;
    int64_t resolution_s = 60;
  };
  virtual ~Meter() = default;
  // Never conflicts with another writer.
  virtual void record(Staged&, const Sample& sample) = 0;
  void record(Staged& staged, std::string_view space, std::string_view metric,
              const Dimensions& dimensions, double value, std::string_view unit, Time time) {
    record(staged, {space, metric, dimensions, {&value, 1}, unit, time});
  }
};

// What somebody inside the process writes together with a call that he makes: after the call has
// succeeded, in the same commit. When it fails, the call fails with its error. A request from
// outside cannot bring one, because only call() takes it.
using Rider = std::function<Result<Done>(Staged&)>;

// Calls an operation from inside the process as `caller`. The call goes the same way as one from
// outside: parse, authorise, run, commit with its audit record. Implemented by Path
// (request/serve.h).
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;
  // `service` is a signing name. `request` has method, path, query, headers and body as a client
  // would send them; for the query protocol its `query` holds all fields, also Action.
  virtual Response call(std::string_view service, std::string_view operation, Request request,
                        const Caller& caller, const Rider& rider = {}) = 0;
};

// Serves the sockets of function sandboxes. Implemented in src/cli/server.cc over net.
class Wire {
 public:
  virtual ~Wire() = default;
  using Handler = std::function<Response(Request, BodySource&)>;
  // Speaks HTTP on a connected socket and returns when it is closed or shut down. It closes `fd`.
  virtual void serve_plain(int fd, const Handler& handler) = 0;
  // Serves a connection like those that the endpoint has accepted. Does not block.
  virtual void adopt_tls(int fd, std::string peer_ip) = 0;
};

// What `sluice verify` finds in the records of the services. It opens every seal and follows every
// reference.
class Verification {
 public:
  std::vector<std::string> damaged;
  std::set<std::string> files;  // the object files that a record names
  // How many seals were opened, and how many were left because their KMS key is disabled or gone,
  // which is not damage.
  uint64_t seals = 0, shut = 0;
  void judge(const std::string& what, const Result<Done>& opened) {
    if (opened) {
      ++seals;
      return;
    }
    const std::string& code = opened.error().code;
    if (code.find("DisabledException") != code.npos ||
        code.find("InvalidStateException") != code.npos ||
        code.find("NotFoundException") != code.npos)
      ++shut;
    else
      damaged.push_back(what + ": " +
                        (opened.error().message.empty() ? code : opened.error().message));
  }
};
// Reads a sealed file to its end.
Result<Done> open_every_seal(Store& store, const BlobRef& blob, const Secret& data_key);

// All of the ports. A nullptr means that the service is not there, as in unit tests.
struct Ports {
  Store* store = nullptr;
  Sessions* sessions = nullptr;
  Identities* identities = nullptr;
  WebIdentities* web_identities = nullptr;
  CertificateIdentities* certificates = nullptr;
  DeviceAuthority* devices = nullptr;
  DataKeys* data_keys = nullptr;
  FunctionPolicies* function_policies = nullptr;
  ChangeStreams* change_streams = nullptr;
  Buckets* buckets = nullptr;
  Trails* trails = nullptr;
  Journal* journal = nullptr;
  Meter* meter = nullptr;
  Dispatcher* dispatcher = nullptr;
  Wire* wire = nullptr;
  class FunctionRunner* runner = nullptr;            // services/lambda/runner.h, for Invoke
  const class FunctionRuntimes* runtimes = nullptr;  // services/lambda/runtimes.h
  std::string endpoint_url, ca_file;                 // as functions are told them
  std::vector<const Service*> services;
  const Service* operator_service = nullptr;  // of the Unix sockets alone
  LocalUsers local_users;
};

}  // namespace sluice
