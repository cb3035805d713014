// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the parts of `bench` share. The program measures the machine and the product in one run, so
// that their ratio means something whatever the machine: the server is the real program on a
// directory of its own, with TLS, signatures, encryption, audit and sync on.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/client.h"

namespace sluice::bench {

// One row of the report. `limit` names the figure of the machine it is compared with; the ratio is
// value/limit, or limit is 0.
struct Figure {
  std::string name;
  double value = 0;
  std::string unit, note;
  double limit = 0, aim = 0;  // ratio: at least `aim`, or at most when `aim_is_most`
  bool aim_is_most = false;
  std::string against;
};
class Report {
 public:
  explicit Report(bool as_json) : as_json_(as_json) {}
  void heading(const std::string& text);
  void add(Figure figure);
  void missing(const std::string& name, const std::string& why);
  void finish() const;
  double value(const std::string& name) const;

 private:
  const bool as_json_;
  std::vector<Figure> figures_;
};

struct Options {
  std::string dir, program, readings;
  double seconds = 3;
  int64_t items = 0;
  bool json = false, profile = false, growth = false;
  int64_t upload_mib = 0;  // of each of kUploads at once; 0: they are not measured
  std::string only;
};

// CPU seconds of a process and all its descendants.
double cpu_of(int64_t pid);
double own_cpu();
int64_t resident_kb(int64_t pid);
int64_t peak_kb(int64_t pid);  // the most that was resident since forget_peak
void forget_peak(int64_t pid);
std::string text_of_file(const std::string& path);
// "p50 1.2 p99 3.4 ms"; sorts.
double percentile(std::vector<double>& values, double share);

// A child process of this machine's own making; killed by its destructor.
class Child {
 public:
  Child(
      std::vector<std::string> arguments,
      const std::string& ready_prefix);  // returns when a line of its stdout begins with the prefix
  ~Child();
  bool ready() const { return ready_; }
  double ready_ms() const { return ready_ms_; }
  const std::string& line() const { return line_; }
  int64_t pid() const { return pid_; }

 private:
  int64_t pid_ = -1;
  int out_ = -1;
  bool ready_ = false;
  double ready_ms_ = 0;
  std::string line_;
};

// The load generator: one thread, TLS connections that are open before the clock starts, one
// request at a time on each.
struct Target {
  std::string host, port, ca_file;
  int64_t pid = 0;
};
Target target_of(const cli::Endpoint& endpoint);
struct Message {
  std::string head;
  const std::string* body = nullptr;
};
using Next = std::function<Message(size_t number)>;
struct Load {
  uint64_t answers = 0, refused = 0, bytes = 0;
  double seconds = 0, own_cpu = 0, server_cpu = 0;
  std::string first_refusal;
  std::vector<double> latency_ms;  // of each answer
  double rate() const { return seconds > 0 ? static_cast<double>(answers) / seconds : 0; }
  std::string split() const;  // "server 1.4 + client 0.5 cores"
};
Load run_load(const Target& target, size_t connections, double seconds, const Next& next,
              uint64_t answers_max = 0);

// Connections that are open and say nothing, while this lives.
class IdleConnections {
 public:
  IdleConnections(const Target& target, size_t count);
  ~IdleConnections();
  // Asks once on each, one after the other. How many were answered with success.
  size_t ask(const Next& next);

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

// Signature Version 4 for the generator: the key is derived once.
class Signer {
 public:
  Signer(const cli::Credentials& credentials, const cli::Endpoint& endpoint, std::string service);
  std::string head(std::string_view method, const std::string& path,
                   std::vector<std::pair<std::string, std::string>> headers,
                   const std::string& payload_hash, size_t body_bytes) const;

 private:
  const std::string access_key_id_, token_, region_, service_, host_, day_;
  std::string key_;
};
// A call of DynamoDB, signed with a signer for it.
Message dynamodb_call(const Signer& signer, const std::string& operation, const std::string& body);

void measure_machine(const Options& options, Report& report);
int run_echo(const std::string& dir);  // the echo server, as a process of its own
void measure_product(const Options& options, Report& report);
void measure_pipeline(const Options& options, Report& report, cli::Client& client,
                      const cli::Common& common);
void measure_connections(const Options& options, Report& report, const Target& target,
                         const Signer& signer);
// The body of BatchWriteItem number `number` into the table Bench: kBatch items.
std::string batch_body(size_t number, const std::string& table = "Bench");
void measure_growth(const Options& options, Report& report, const Target& target, const Signer& s3,
                    const Signer& dynamodb);
void measure_profile(const Options& options, Report& report, const Target& target, const Signer& s3,
                     const Signer& dynamodb);
void profile_ingestion(const Options& options, Report& report, cli::Client& client,
                       const cli::Common& common, int64_t pid);
Result<Done> deploy_pipeline(cli::Client& client);
// All readings through the deployed pipeline. How many records there were.
Result<int64_t> ingest_readings_once(const Options& options, const cli::Common& common);
void measure_trail(const Options& options, Report& report, cli::Client& client,
                   const Target& target, const Signer& signer);
void measure_functions(const Options& options, Report& report, cli::Client& client);
Result<Done> measure_identity(const Options& options, Report& report, cli::Client& client,
                              const Target& target, const cli::Credentials& credentials);
// After measure_functions, whose role it uses.
void measure_runtimes(Report& report, cli::Client& client, const cli::Common& common);

constexpr size_t kKiB = 1024, kMiB = 1024 * 1024, kConnections = 32, kWriters = 64, kBatch = 25,
                 kUploads = 64;

}  // namespace sluice::bench
