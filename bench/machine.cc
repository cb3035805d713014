// SPDX-License-Identifier: Apache-2.0
// The machine's limits: what the disk, the processor and the bare libraries give.
#include <fcntl.h>
#include <openssl/evp.h>
#include <rocksdb/db.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <thread>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/random.h"
#include "bench.h"
#include "crypto/crypto.h"
#include "net/server.h"

namespace sluice::bench {
namespace {
// Appends of 4 KiB to one file, each synced, as a log's are.
double syncs_per_second(const std::string& path, double seconds) {
  const int fd = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  const std::string block(4096, 'x');
  const int64_t began = monotonic_us();
  int64_t count = 0, elapsed = 0;
  for (; (elapsed = monotonic_us() - began) < static_cast<int64_t>(seconds * 1e6); ++count)
    if (write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size()) ||
        fdatasync(fd) != 0)
      break;
  close(fd);
  unlink(path.c_str());
  return static_cast<double>(count) * 1e6 / static_cast<double>(elapsed);
}

template <class Work>
double gigabytes_per_second(double seconds, size_t bytes, const Work& work) {
  const int64_t began = monotonic_us();
  int64_t count = 0, elapsed = 0;
  for (; (elapsed = monotonic_us() - began) < static_cast<int64_t>(seconds * 1e6); ++count) work();
  return static_cast<double>(count) * static_cast<double>(bytes) / static_cast<double>(elapsed) /
         1000;
}

double aes_gcm(double seconds) {
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                          &EVP_CIPHER_CTX_free);
  const std::string key(32, 'k'), nonce(12, 'n');
  std::string data(64 * kKiB, 'd');
  auto* bytes = reinterpret_cast<unsigned char*>(data.data());
  EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                     reinterpret_cast<const unsigned char*>(key.data()),
                     reinterpret_cast<const unsigned char*>(nonce.data()));
  return gigabytes_per_second(seconds, data.size(), [&] {
    int size = 0;
    EVP_EncryptUpdate(context.get(), bytes, &size, bytes, static_cast<int>(data.size()));
  });
}
double sha_256(double seconds) {
  const std::string data(64 * kKiB, 'd');
  return gigabytes_per_second(seconds, data.size(), [&] { sha256(data); });
}

// 64 threads, each writing batches of 25 small items, each batch synced: what a store on RocksDB
// could give at best.
double rocksdb_items_per_second(const std::string& dir, double seconds) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* raw = nullptr;
  if (!rocksdb::DB::Open(options, dir, &raw).ok()) return 0;
  const std::unique_ptr<rocksdb::DB> db(raw);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> items{0};
  std::vector<std::thread> writers;
  const int64_t began = monotonic_us();
  for (size_t w = 0; w < kWriters; ++w)
    writers.emplace_back([&, w] {
      const std::string value(100, 'v');
      rocksdb::WriteOptions sync;
      sync.sync = true;
      for (uint64_t n = 0; !stop; ++n) {
        rocksdb::WriteBatch batch;
        for (size_t i = 0; i < kBatch; ++i)
          batch.Put("device-" + std::to_string(w * kBatch + i) + big_endian64(n), value);
        if (db->Write(sync, &batch).ok()) items += kBatch;
      }
    });
  std::this_thread::sleep_for(std::chrono::microseconds(static_cast<int64_t>(seconds * 1e6)));
  stop = true;
  for (auto& w : writers) w.join();
  return static_cast<double>(items) * 1e6 / static_cast<double>(monotonic_us() - began);
}

// 8 MiB in sealed chunks, opened while they are sent.
class Unsealing : public BodyProducer {
 public:
  Unsealing(const Secret& key, const std::string& chunk, uint64_t count)
      : key_(key), chunk_(chunk), left_(count) {}
  Result<std::string> next() override {
    std::string out;
    for (int i = 0; i < 4 && left_; ++i, --left_)
      out += aead_open(key_, std::string(12, 'n'), chunk_, "").value_or("");
    return out;
  }

 private:
  const Secret& key_;
  const std::string& chunk_;
  uint64_t left_;
};

void measure_echo(const Options& options, Report& report) {
  const Child echo({std::filesystem::read_symlink("/proc/self/exe").string(), "echo", options.dir},
                   "echo ");
  if (!echo.ready()) return report.missing("bare TLS echo", "the echo server did not start");
  const Target target{"127.0.0.1", echo.line().substr(5), options.dir + "/tls/ca.pem", echo.pid()};
  const std::string small(kKiB, 'x');
  const auto get = [&](const std::string& path) {
    return run_load(target, kConnections, options.seconds, [&](size_t) {
      return Message{"GET " + path + " HTTP/1.1\r\nhost: x\r\n\r\n"};
    });
  };
  const Load put = run_load(target, kConnections, options.seconds, [&](size_t) {
    return Message{
        "PUT /0 HTTP/1.1\r\nhost: x\r\ncontent-length: " + std::to_string(kKiB) + "\r\n\r\n",
        &small};
  });
  report.add({"bare TLS echo, PUT 1 KiB", put.rate(), "/s", put.split()});
  const Load read = get("/1024");
  report.add({"bare TLS echo, GET 1 KiB", read.rate(), "/s", read.split()});
  const Load stream = get("/sealed");
  report.add({"TLS and AES-GCM, GET 8 MiB", stream.rate() * 8, "MiB/s", stream.split()});
}
}  // namespace

int run_echo(const std::string& dir) {
  const auto own = net::ensure_certificates({dir, "us-east-1", {}, Secret(std::string(32, 'k'))});
  if (!own) return cli::fail(own.error());
  const auto tls = net::TlsContext::server(own->file, own->key);
  if (!tls) return cli::fail(tls.error());
  const Secret key(std::string(32, 'k'));
  const std::string chunk = aead_seal(key, std::string(12, 'n'), std::string(64 * kKiB, 'd'), "");
  net::Server server(*tls, [&](Request request, BodySource& body) {
    std::string scratch(64 * kKiB, '\0');
    if (request.method == "PUT")
      for (auto got = body.read(scratch.data(), scratch.size()); got && *got;
           got = body.read(scratch.data(), scratch.size())) {
      }
    Response response;
    if (request.target == "/sealed") {
      response.stream = std::make_shared<Unsealing>(key, chunk, 128);
      response.stream_bytes = 8 * kMiB;
    } else {
      response.body.assign(
          static_cast<size_t>(parse_int(std::string_view(request.target).substr(1)).value_or(0)),
          'x');
    }
    return response;
  });
  const auto bound = server.listen({"127.0.0.1", 0}, true);
  if (!bound) return cli::fail(bound.error());
  printf("echo %d\n", bound->port);
  fflush(stdout);
  pause();
  return 0;
}

void measure_machine(const Options& options, Report& report) {
  report.heading("The machine");
  report.add({"fdatasync", syncs_per_second(options.dir + "/sync", 1), "/s", "4 KiB appends"});
  report.add({"AES-256-GCM", aes_gcm(0.5), "GB/s", "one core"});
  report.add({"SHA-256", sha_256(0.5), "GB/s", "one core"});
  report.add({"bare RocksDB", rocksdb_items_per_second(options.dir + "/rocks", options.seconds),
              "items/s", "64 threads, synced batches of 25"});
  std::filesystem::remove_all(options.dir + "/rocks");
  measure_echo(options, report);
}

}  // namespace sluice::bench
