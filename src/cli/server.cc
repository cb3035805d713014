// SPDX-License-Identifier: Apache-2.0
#include "cli/server.h"

#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <latch>

#include "base/bytes.h"
#include "base/files.h"
#include "base/thread_safety.h"
#include "cli/certificates.h"
#include "cli/local_users.h"
#include "net/server.h"
#include "request/session.h"
#include "cli/server_status.h"
#include "services/cloudformation/cloudformation.h"
#include "services/cloudtrail/delivery.h"
#include "services/cloudtrail/explain.h"
#include "services/cloudwatch/cloudwatch.h"
#include "services/dynamodb/dynamodb.h"
#include "services/dynamodb/expiry.h"
#include "services/dynamodb/exports.h"
#include "services/dynamodb/imports.h"
#include "services/dynamodb/recovery.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/streams.h"
#include "services/dynamodb/tables.h"
#include "services/dynamodb/transactions.h"
#include "services/iam/iam.h"
#include "services/kms/kms.h"
#include "services/lambda/runner.h"
#include "services/lambda/runtimes.h"
#include "services/logs/logs.h"
#include "services/rolesanywhere/rolesanywhere.h"
#include "services/s3/s3.h"
#include "services/sts/sts.h"

namespace sluice::cli {
namespace {
// Connections, the sockets of functions and files come to more than the 1,024 descriptors that a
// process usually begins with: a function could use them up. Returns how many there may be.
size_t raise_descriptor_limit() {
  constexpr rlim_t kWanted = 65536, kUsual = 1024;
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return kUsual;
  if (files.rlim_cur < kWanted) {
    files.rlim_cur = std::min(files.rlim_max, kWanted);
    setrlimit(RLIMIT_NOFILE, &files);
  }
  return files.rlim_cur;
}

// glibc raises the size from which a block is mapped by itself, and so given back when it is freed,
// up to 32 MiB with each such block that it sees: bodies would then stay in the arenas of threads.
// Setting one of the two fixes both, and the other's default would give back a heap's end all the
// time.
void return_large_buffers() {
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// Function sandboxes speak plain HTTP to their Runtime API and TLS to the endpoint, over sockets
// inside their own network.
class SandboxWire : public Wire {
 public:
  SandboxWire(net::Server& server, std::shared_ptr<net::TlsContext> tls)
      : server_(server), tls_(std::move(tls)) {}
  void serve_plain(int fd, const Handler& handler) override {
    static const std::atomic<bool> kNever{false};  // it ends with the sandbox
    net::serve_connection(net::plain_stream(fd), "127.0.0.1",
                          {handler, kNever, {.idle_ms = kRuntimeIdleMs}});
  }
  void adopt_tls(int fd, std::string peer_ip) override { server_.adopt(fd, peer_ip, tls_); }

 private:
  static constexpr int kRuntimeIdleMs = 1'000'000;  // longer than the longest invocation
  net::Server& server_;
  const std::shared_ptr<net::TlsContext> tls_;
};

// A body that is held whole, or none.
class TextBody : public BodySource {
 public:
  explicit TextBody(std::string text = "") : text_(std::move(text)) {}
  Result<size_t> read(char* into, size_t size) override {
    const size_t n = text_.copy(into, size, at_);
    at_ += n;
    return n;
  }

 private:
  std::string text_;
  size_t at_ = 0;
};

class DeviceCertificates : public DeviceAuthority {
 public:
  DeviceCertificates(std::string data_dir, Secret sealing)
      : data_dir_(std::move(data_dir)), sealing_(std::move(sealing)) {}
  Result<DeviceCertificate> issue(const std::string& name, int64_t days) override {
    const MutexLock lock(mutex_);
    TRY(net::IssuedCertificate made,
        net::issue_device_certificate(data_dir_, sealing_, name, days));
    return DeviceCertificate{std::move(made.authority), std::move(made.certificate),
                             std::move(made.serial), std::move(made.key)};
  }
  Result<std::string> revoke(const std::string& serial) override {
    const MutexLock lock(mutex_);
    return net::revoke_device_certificate(data_dir_, sealing_, serial);
  }

 private:
  Mutex mutex_;
  const std::string data_dir_ SLUICE_GUARDED_BY(mutex_);  // one at a time writes its folder
  const Secret sealing_;
};

class Composition : public RunningServer {
 public:
  Composition(std::unique_ptr<Store> store, const ServeOptions& options,
              const net::CrowdLimits& limits)
      : limits_(limits),
        store_(std::move(store)),
        sessions_(make_sessions(*store_)),
        identities_(iam::identities()),
        web_identities_(sts::web_identities(*identities_)),
        certificate_identities_(rolesanywhere::certificate_identities()),
        devices_(options.data_dir, store_->derive_key("device-ca")),
        data_keys_(kms::data_keys(*store_)),
        function_policies_(lambda::function_policies()),
        change_streams_(dynamodb::change_streams(*store_)),
        buckets_(s3::buckets()),
        journal_(logs::journal(ports_)),
        meter_(cloudwatch::meter()),
        trails_(cloudtrail::delivery(
            ports_, {options.trail_interval_s * 1000, options.digest_interval_s * 1000})),
        path_(ports_, options.audit_reads == "synced") {
    ports_.store = store_.get();
    ports_.sessions = sessions_.get();
    ports_.identities = identities_.get();
    ports_.web_identities = web_identities_.get();
    ports_.certificates = certificate_identities_.get();
    ports_.devices = &devices_;
    ports_.data_keys = data_keys_.get();
    ports_.dispatcher = &path_;
    ports_.function_policies = function_policies_.get();
    ports_.change_streams = change_streams_.get();
    ports_.buckets = buckets_.get();
    ports_.journal = journal_.get();
    ports_.meter = meter_.get();
    ports_.trails = trails_.get();
    endpoint_.region = options.region;
    endpoint_.account_id = options.account_id;
    endpoint_.pid = getpid();
  }
  ~Composition() override {
    std::remove((options_dir_ + "/endpoint.json").c_str());
    complete();
    store_->jobs().begin_stop();
    if (runner_) runner_->stop();  // its functions need the listener to end well
    store_->jobs().stop();
    if (server_) server_->stop();
    if (server_) path_.record_unrecorded_strangers();
    write_uses();
    runner_.reset();
  }
  const Endpoint& endpoint() const override { return endpoint_; }
  bool failed() const override { return store_->failed(); }
  void clock_turned() override { store_->jobs().clock_turned(); }

  Result<Done> listen(const ServeOptions& options) {
    options_dir_ = options.data_dir;
    CHECK(iam::bootstrap(*store_));
    dynamodb::start_purge(*store_);
    dynamodb::start_backfill(ports_);
    dynamodb::start_expiry(ports_);
    dynamodb::start_change_sweep(ports_);
    dynamodb::start_restores(ports_);
    dynamodb::start_exports(ports_);
    dynamodb::start_imports(ports_);
    dynamodb::start_token_sweep(*store_);
    logs::start_purge(*store_);
    logs::start_sweep(*store_);
    cloudwatch::start_keeper(*store_);
    kms::start_sweep(*store_);
    store_->jobs().every("The count of failures not recorded singly", std::chrono::seconds(60),
                         [this](const Stopping&) { path_.record_unrecorded_strangers(); });
    store_->jobs().every("The last use of roles", std::chrono::minutes(5),
                         [this](const Stopping&) { write_uses(); });
    TRY(ports_.local_users, parse_local_users(options.users, store_->scope()));
    TRY(const net::Address wanted, net::parse_address(options.listen));
    certificates_ = std::make_unique<Certificates>(options, names_of(options, wanted),
                                                   store_->derive_key("tls-ca"), store_->jobs(),
                                                   [this] { return write_endpoint(); });
    CHECK(certificates_->load());
    server_ = std::make_unique<net::Server>(
        certificates_->tls(),
        [this](Request request, BodySource& body) {
          complete_.wait();  // the port is known, and taken, before everything behind it is there
          return path_.serve(std::move(request), body);
        },
        limits_);
    TRY(const net::Address bound, server_->listen(wanted, true));
    endpoint_.url = url("https", bound);
    endpoint_.ca_file = certificates_->ca_file();
    endpoint_.device_url =
        options.names.empty() ? endpoint_.url : url("https", {options.names.front(), bound.port});
    ports_.endpoint_url =
        "https://127.0.0.1:" + std::to_string(bound.port);  // in the network of a sandbox
    ports_.ca_file = certificates_->local_ca_file();
    wire_ = std::make_unique<SandboxWire>(*server_, certificates_->sandbox_tls());
    ports_.wire = wire_.get();
    endpoint_.why_no_functions = lambda::why_functions_cannot_start();
    if (!endpoint_.why_no_functions.empty())
      spdlog::error("functions cannot start: {}", endpoint_.why_no_functions);
    const char* path = std::getenv("PATH");
    TRY(runtimes_, lambda::find_runtimes(options.runtimes, path ? path : "/usr/bin:/bin"));
    ports_.runtimes = runtimes_.get();
    runner_ = lambda::make_runner(ports_, options.data_dir);
    ports_.runner = runner_.get();
    complete();
    runner_->start();  // events left over from before come through the door at once
    cloudformation::serve_changes(ports_);
    if (!options.listen_http.empty()) {
      TRY(const net::Address plain, net::parse_address(options.listen_http));
      if (!is_loopback(plain.host))
        return Error{
            400,
            "InvalidAddress",
            "--listen-http takes a loopback address only: plain HTTP never leaves this machine",
            {}};
      TRY(const net::Address plain_bound, server_->listen(plain, false));
      endpoint_.http_url = url("http", plain_bound);
    }
    CHECK(listen_to_users(options));
    trails_->start();
    CHECK(write_endpoint());
    certificates_->keep_fresh();
    return Done{};
  }

 private:
  const net::CrowdLimits limits_;
  static std::string url(const char* scheme, const net::Address& a) {
    // The address, not "localhost": a bare system resolves no names.
    const std::string host = a.host == "0.0.0.0"                     ? "127.0.0.1"
                             : a.host == "::"                        ? "[::1]"
                             : a.host.find(':') != std::string::npos ? "[" + a.host + "]"
                                                                     : a.host;
    return std::string(scheme) + "://" + host + ":" + std::to_string(a.port);
  }
  Result<Done> listen_to_users(const ServeOptions& options) {
    constexpr size_t kOperatorLineBytesMax = 80 * 1024;  // a JWKS and an issuer
    constexpr size_t kUserLineBytesMax = 64;
    CHECK(server_->listen_local(
        options.data_dir + "/operator.sock",
        {.mode = 0600,
         .line_bytes_max = kOperatorLineBytesMax,
         .hears = [](int64_t) { return true; },
         .answer = [this](int64_t uid,
                          std::string_view line) { return answer_operator(uid, line); }}));
    if (ports_.local_users.empty()) return Done{};
    return server_->listen_local(
        user_socket(options),
        {.mode = 0666,
         .line_bytes_max = kUserLineBytesMax,
         .hears = [this](int64_t uid) { return ports_.local_users.contains(uid); },
         .answer =
             [this](int64_t uid, std::string_view line) {
               return answer_local(uid, "POST",
                                   "/user-session?DurationSeconds=" +
                                       percent_encode(trim(line.substr(0, line.find('\n')))));
             }});
  }
  // What the owner of the process is told: "status"; "explain ID"; "oidc-keys ISSUER JWKS", which
  // registers the keys; "device NAME DAYS", a certificate; "revoke SERIAL", the list of the
  // revoked; or else a session of so many seconds.
  std::string answer_operator(int64_t uid, std::string_view line) {
    const auto asked = trim(line.substr(0, line.find('\n')));
    if (asked == "status") {
      if (uid == static_cast<int64_t>(geteuid()))
        return json::serialize(status_of(*store_, path_.counters(), *runtimes_));
      return R"({"error":"only the user who runs the server may see its status"})";
    }
    if (asked.starts_with("explain ")) return explain_to(uid, asked.substr(8));
    const auto words = split(asked, ' ');
    if (words.front() == "oidc-keys" && words.size() > 1) {
      const size_t before = words[0].size() + words[1].size() + 2;
      return answer_local(uid, "PUT", "/oidc-keys?Issuer=" + percent_encode(words[1]),
                          std::string(asked.substr(std::min(before, asked.size()))));
    }
    if (words.front() == "device" && words.size() == 3)
      return answer_local(
          uid, "PUT",
          "/device?Name=" + percent_encode(words[1]) + "&Days=" + percent_encode(words[2]));
    if (words.front() == "revoke" && words.size() == 2)
      return answer_local(uid, "DELETE", "/device?Serial=" + percent_encode(words[1]));
    return answer_local(uid, "POST", "/session?DurationSeconds=" + percent_encode(asked));
  }
  // Who comes to a Unix socket goes the way of every request: proven, decided, recorded.
  std::string answer_local(int64_t uid, std::string method, std::string target,
                           std::string text = "") {
    Request request;
    TextBody body(std::move(text));
    request.method = std::move(method);
    request.target = std::move(target);
    request.source_ip = "unix";
    request.unix_uid = uid;
    const Response response = path_.serve(std::move(request), body);
    if (response.status == 200) return response.body;
    const auto said = parse_json_object(response.body);
    return json::serialize(json::object{{"error", said ? text_of(*said, "message") : ""}});
  }
  std::string explain_to(int64_t uid, std::string_view id) {
    if (uid != static_cast<int64_t>(geteuid()))
      return R"({"error":"only the user who runs the server may see its audit records"})";
    const auto record = cloudtrail::find_record(*store_, id);
    return record ? json::serialize(*record) : R"({"error":"no audit record has this id"})";
  }
  void write_uses() {
    if (const auto written = identities_->write_uses(*store_); !written)
      spdlog::error("the last use of roles is not written down: {}", written.error().message);
  }
  void complete() {
    if (!complete_.try_wait()) complete_.count_down();
  }
  Result<Done> write_endpoint() {
    const net::CertificateFacts certificate = certificates_->served();
    json::object e{{"endpoint", endpoint_.url},
                   {"certificate_sha256", certificate.sha256},
                   {"certificate_ends", iso_seconds(certificate.ends)},
                   {"ca_file", endpoint_.ca_file},
                   {"region", endpoint_.region},
                   {"account_id", endpoint_.account_id},
                   {"pid", endpoint_.pid}};
    if (!endpoint_.why_no_functions.empty())
      e["functions_cannot_start"] = endpoint_.why_no_functions;
    if (!endpoint_.http_url.empty()) e["http_endpoint"] = endpoint_.http_url;
    const std::string path = options_dir_ + "/endpoint.json";
    if (!replace_file(path, json::serialize(e) + "\n"))
      return Error{500, "StoreFailure", "cannot write " + path, {}};
    return Done{};
  }

  Ports ports_ = {
      .services = all_services(),
      .operator_service = &sts::operator_service};  // not changed any more once complete_
  std::latch complete_{1};
  std::unique_ptr<Store> store_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<Identities> identities_;
  std::unique_ptr<WebIdentities> web_identities_;
  std::unique_ptr<CertificateIdentities> certificate_identities_;
  DeviceCertificates devices_;
  std::unique_ptr<DataKeys> data_keys_;
  std::unique_ptr<FunctionPolicies> function_policies_;
  std::unique_ptr<ChangeStreams> change_streams_;
  std::unique_ptr<Buckets> buckets_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Meter> meter_;
  std::unique_ptr<cloudtrail::Delivery> trails_;
  Path path_;
  std::unique_ptr<Certificates> certificates_;
  std::unique_ptr<net::Server> server_;
  std::unique_ptr<SandboxWire> wire_;
  std::unique_ptr<FunctionRuntimes> runtimes_;
  std::unique_ptr<FunctionRunner> runner_;
  Endpoint endpoint_;
  std::string options_dir_;
};
}  // namespace

StopSignals::StopSignals() {
  sigemptyset(&set_);
  sigaddset(&set_, SIGTERM);
  sigaddset(&set_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a file-size limit is a failed write, like a full disk
}
void StopSignals::wait() {
  int number = 0;
  sigwait(&set_, &number);
}

bool StopSignals::came() const {
  sigset_t waiting;
  return sigpending(&waiting) == 0 &&
         (sigismember(&waiting, SIGINT) || sigismember(&waiting, SIGTERM));
}

std::vector<const Service*> all_services() {
  return {&s3::service,
          &dynamodb::service,
          &dynamodb::streams_service,
          &iam::service,
          &sts::service,
          &kms::service,
          &lambda::service,
          &logs::service,
          &cloudtrail::service,
          &cloudwatch::query_service,
          &cloudwatch::service,
          &cloudformation::service,
          &rolesanywhere::service};
}

std::string default_root_key(const std::string& data_dir) {
  std::string dir = data_dir;
  while (dir.size() > 1 && dir.back() == '/') dir.pop_back();
  return dir + ".root.key";
}

const Scope kDefaultScope{"000000000000", "us-east-1"};

std::optional<Scope> recorded_scope(const std::string& data_dir) {
  const auto text = read_file(data_dir + "/scope.json");
  const auto parsed = text ? parse_json_object(*text) : Result<json::object>(Error{});
  if (!parsed) return std::nullopt;
  return Scope{text_of(*parsed, "account_id"), text_of(*parsed, "region")};
}

namespace {
// What is given must be what the directory was made with; what is not given is taken from there.
Result<Done> settle_scope(ServeOptions& options) {
  const auto recorded = recorded_scope(options.data_dir);
  const Scope& scope = recorded ? *recorded : kDefaultScope;
  if (options.region.empty()) options.region = scope.region;
  if (options.account_id.empty()) options.account_id = scope.account_id;
  if (recorded && (options.region != scope.region || options.account_id != scope.account_id))
    return Error{400,
                 "WrongScope",
                 options.data_dir + " was made for Region " + scope.region + " and account " +
                     scope.account_id +
                     ", and its contents can be read as those alone; leave --region and "
                     "--account-id out, or name another --data-dir",
                 {}};
  return Done{};
}
Result<Done> record_scope(const ServeOptions& options) {
  const std::string path = options.data_dir + "/scope.json";
  if (recorded_scope(options.data_dir)) return Done{};
  if (!replace_file(path, json::serialize(json::object{{"region", options.region},
                                                       {"account_id", options.account_id}})))
    return Error{500, "WriteFailure", "cannot write " + path, {}};
  return Done{};
}
bool is_region(const std::string& text) {
  return !text.empty() && text.size() <= 32 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}
}  // namespace

Result<std::unique_ptr<RunningServer>> RunningServer::start(const ServeOptions& asked) {
  ServeOptions options = asked;
  CHECK(settle_scope(options));
  if (!is_region(options.region))
    return Error{400, "InvalidRegion", "--region must be the name of a Region, as eu-west-1", {}};
  if (options.account_id.size() != 12 ||
      options.account_id.find_first_not_of("0123456789") != std::string::npos)
    return Error{400, "InvalidAccount", "--account-id must be 12 digits", {}};
  const net::CrowdLimits limits = net::limits_within(raise_descriptor_limit());
  return_large_buffers();
  umask(0077);  // whatever is made in the data directory is for its owner alone
  StoreOptions store_options;
  store_options.on_failure = [] { kill(getpid(), SIGTERM); };
  store_options.data_dir = options.data_dir;
  store_options.root_key =
      options.root_key.empty() ? default_root_key(options.data_dir) : options.root_key;
  store_options.scope = {options.account_id, options.region};
  store_options.clock = options.clock;
  TRY(auto store, Store::open(store_options));
  CHECK(record_scope(options));
  auto server = std::make_unique<Composition>(std::move(store), options, limits);
  CHECK(server->listen(options));
  return std::unique_ptr<RunningServer>(std::move(server));
}

}  // namespace sluice::cli
