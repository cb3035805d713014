// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where services meet: small interfaces, implemented by one service, used by others, joined in
// main.cc.
#include <functional>
#include <set>

#include "request/operation.h"
#include "base/thread_safety.h"

namespace sluice {

struct Session {              // a set of temporary credentials
  std::string access_key_id;  // ASIA...
  Secret secret_access_key;
  std::string token;
  std::string role_arn, role_id, role_name, session_name;
  Time issued = 0, expires = 0;
  std::string arn(const Scope& scope) const;  // arn:aws:sts::A:assumed-role/<RoleName>/<session>
};

// Sessions are sealed into their own token: nothing to store, nothing to lose. request/session.cc
class Sessions {
 public:
  virtual ~Sessions() = default;
  virtual Session mint(std::string_view role_arn, std::string_view role_id,
                       std::string_view session_name, int64_t duration_s) = 0;
  virtual Result<Session> open(
      std::string_view token) = 0;  // InvalidToken: not ours. Expiry is the caller's check
};

struct RoleView {
  std::string name, arn, id, trust_policy;
  int64_t max_session_s = 3600;
  std::vector<std::string> inline_policies;
};
struct RoleRules {
  RoleView role;
  std::vector<policy::DocumentPtr> policies;  // nullptr: one does not parse, which denies
  uint64_t read_at;                           // Snapshot::commit()
};
class Identities {  // by iam
 public:
  virtual ~Identities() = default;
  // From the tables iam.role and iam.role-policy alone.
  virtual std::optional<RoleView> role(std::string_view role_name, const Snapshot&) const = 0;
  // role() with its policies parsed, kept while no role and no policy of one changes: every request
  // asks. nullptr: there is none.
  std::shared_ptr<const RoleRules> rules(std::string_view role_name, const Snapshot&) const;
  virtual std::optional<RoleView> role_by_id(std::string_view role_id, const Snapshot&) const = 0;

 private:
  mutable Mutex mutex_;
  mutable std::map<std::string, std::shared_ptr<const RoleRules>, std::less<>> rules_
      SLUICE_GUARDED_BY(mutex_);
};

struct KeyView {
  std::string arn, id, state, policy;
};  // state: Enabled, Disabled, PendingDeletion
struct DataKey {
  Secret plain;
  std::string wrapped;
  std::string key_arn;
};
class DataKeys {  // by kms
 public:
  virtual ~DataKeys() = default;
  // `reference`: id, ARN, alias name or ARN; "alias/aws/s3", "alias/aws/dynamodb" are service keys,
  // made on first use.
  virtual Result<KeyView> find(std::string_view reference,
                               const Snapshot&) const = 0;  // NotFoundException
  // The need for using a key on the caller's behalf: kms:ViaService, kms:EncryptionContext:*
  // filled, key policy attached. Service keys: nullopt
  virtual Result<std::optional<Need>> need(std::string_view action, std::string_view reference,
                                           const json::object& context, std::string_view via,
                                           const Snapshot&) const = 0;
  virtual Result<DataKey> generate(std::string_view reference, const json::object& context,
                                   Staged&) = 0;  // DisabledException...
  virtual Result<Secret> unwrap(std::string_view wrapped, const json::object& context,
                                const Snapshot&) = 0;
};

class FunctionPolicies {  // by lambda: for the check S3 makes when a notification is put
 public:
  virtual ~FunctionPolicies() = default;
  // ResourceNotFoundException when there is no such function; the policy may be ""
  virtual Result<std::string> policy(std::string_view function_arn, const Snapshot&) const = 0;
};

// What a page of another origin asks of a bucket: with a preflight, or with the request itself.
struct CrossOrigin {
  std::string bucket, origin, method;
  std::vector<std::string> headers;  // lower case
};
class Buckets {  // by s3
 public:
  virtual ~Buckets() = default;
  virtual Result<std::string> policy(
      const std::string& bucket, const Snapshot&) const = 0;  // NoSuchBucket; "" when it has none
  // The headers of an answer that the bucket's CORS rules allow; nullopt when no rule does, or
  // there is no such bucket.
  virtual std::optional<Headers> cross_origin(const CrossOrigin& asked, const Snapshot&) const = 0;
};

class Trails {  // by cloudtrail
 public:
  virtual ~Trails() = default;
  virtual void wake() = 0;  // a trail was changed: look at once. Does not block
  // Below its prefix in its bucket a trail alone writes, whatever policies allow.
  // AccessDenied. Read through `staged`: a trail that came while a body was on its way is a
  // conflict
  virtual Result<Done> may_write(const std::vector<Need>& needs, const Caller& caller,
                                 Staged& staged) const = 0;
};

class Journal {  // by logs: what services write into CloudWatch Logs
 public:
  virtual ~Journal() = default;
  struct Line {
    Time time;
    std::string message;
  };
  // Creates group and stream when absent; embedded-metric lines become metrics.
  virtual void append(Staged&, std::string_view group, std::string_view stream,
                      const std::vector<Line>& lines) = 0;
};
class Meter {  // by cloudwatch
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
  virtual void record(Staged&, const Sample& sample) = 0;  // never conflicts with another writer
  void record(Staged& staged, std::string_view space, std::string_view metric,
              const Dimensions& dimensions, double value, std::string_view unit, Time time) {
    record(staged, {space, metric, dimensions, {&value, 1}, unit, time});
  }
};

// What a caller inside the process writes in the commit of its call, once the call has succeeded:
// both are durable, or neither. Its error is the call's. A request from the wire cannot carry one:
// it is an argument of call() alone.
using Rider = std::function<Result<Done>(Staged&)>;

// Calls an operation from inside, through the same path: parse, authorise, run, commit, audit, as
// `caller`.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;
  // `service`: signing name. `request` needs method/path/query/headers/body as on the wire (for
  // query protocol: query = fields incl. Action).
  virtual Response call(std::string_view service, std::string_view operation, Request request,
                        const Caller& caller, const Rider& rider = {}) = 0;
};

// Sockets for function sandboxes, served by net.
class Wire {
 public:
  virtual ~Wire() = default;
  using Handler = std::function<Response(Request, BodySource&)>;
  // Speaks HTTP on a connected socket until it closes or is shut down; takes the descriptor over,
  // blocks.
  virtual void serve_plain(int fd, const Handler& handler) = 0;
  virtual void adopt_tls(
      int fd,
      std::string peer_ip) = 0;  // a connection to the endpoint, as if it had been accepted there
};

// What `sluice verify` finds in the records of the services: every seal opened, every reference
// followed.
class Verification {
 public:
  std::vector<std::string> damaged;
  std::set<std::string> files;  // object files that a record names
  uint64_t
      seals = 0,
      shut = 0;  // opened; left shut because their KMS key is disabled or gone, which is not damage
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
// Reads the whole of a sealed file.
Result<Done> open_every_seal(Store& store, const BlobRef& blob, const Secret& data_key);

// Ports of main. A null member means the service is not linked in (unit tests).
struct Ports {
  Store* store = nullptr;
  Sessions* sessions = nullptr;
  Identities* identities = nullptr;
  DataKeys* data_keys = nullptr;
  FunctionPolicies* function_policies = nullptr;
  Buckets* buckets = nullptr;
  Trails* trails = nullptr;
  Journal* journal = nullptr;
  Meter* meter = nullptr;
  Dispatcher* dispatcher = nullptr;
  Wire* wire = nullptr;
  class FunctionRunner* runner = nullptr;  // services/lambda/runner.h, for Invoke
  std::string endpoint_url, ca_file;       // what functions are told
  std::vector<const Service*> services;
  const Service* operator_service = nullptr;  // of the Unix socket alone
};

}  // namespace sluice
