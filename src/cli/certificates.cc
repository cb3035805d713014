// SPDX-License-Identifier: Apache-2.0
#include "cli/certificates.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>

#include "base/files.h"
#include "store/jobs.h"

namespace sluice::cli {
namespace {
constexpr Time kDayMs = 86'400'000;
}

Certificates::Certificates(const ServeOptions& options, std::vector<std::string> names,
                           Secret sealing, Jobs& jobs, std::function<Result<Done>()> tell)
    : wishes_{options.data_dir, options.region, std::move(names), std::move(sealing)},
      own_certificate_(options.certificate),
      own_key_(options.key),
      jobs_(jobs),
      tell_(std::move(tell)) {}

const std::string& Certificates::served_file() const {
  return own_certificate_.empty() ? local_file_ : own_certificate_;
}
Result<Secret> Certificates::served_key(const net::ServerCertificate& local) const {
  if (own_certificate_.empty()) return local.key;
  auto pem = read_file(own_key_);
  if (!pem)
    return Error{500,
                 "CertificateFailure",
                 "cannot read the key " + own_key_ + ": is it there, and readable?",
                 {}};
  return Secret(*std::move(pem));
}

Result<Done> Certificates::load() {
  TRY(const net::ServerCertificate local, net::ensure_certificates(wishes_));
  local_ca_file_ = local.ca_file;
  local_file_ = local.file;
  warn_of_clock(local);
  TRY(const Secret key, served_key(local));
  TRY(tls_, net::TlsContext::server(served_file(), key));
  TRY(sandbox_tls_, net::TlsContext::server(local.file, local.key));
  TRY(const net::CertificateFacts facts, net::read_certificate(served_file()));
  TRY(const net::CertificateFacts local_facts, net::read_certificate(local.file));
  local_sha256_ = local_facts.sha256;
  warn_of_end(facts);
  const MutexLock lock(mutex_);
  served_ = facts;
  return Done{};
}

void Certificates::keep_fresh() {
  jobs_.every("The look at the certificates", std::chrono::seconds(kCertificateLookS),
              [this](const Stopping&) {
                if (auto looked = look(); !looked)
                  spdlog::error(
                      "the certificates cannot be renewed or read: {}; the last ones are served",
                      looked.error().message);
              });
}

net::CertificateFacts Certificates::served() const {
  const MutexLock lock(mutex_);
  return served_;
}

std::string Certificates::ca_file() const {
  if (own_certificate_.empty()) return local_ca_file_;
  return served().self_signed ? own_certificate_ : "";
}

Result<Done> Certificates::look() {
  TRY(const net::ServerCertificate local, net::ensure_certificates(wishes_));
  warn_of_clock(local);
  TRY(const net::CertificateFacts local_facts, net::read_certificate(local.file));
  if (local_facts.sha256 != local_sha256_) {
    CHECK(sandbox_tls_->use(local.file, local.key));
    local_sha256_ = local_facts.sha256;
  }
  TRY(const net::CertificateFacts facts, net::read_certificate(served_file()));
  warn_of_end(facts);
  if (facts.sha256 == served().sha256) return Done{};
  TRY(const Secret key, served_key(local));
  CHECK(tls_->use(served_file(), key));
  {
    const MutexLock lock(mutex_);
    served_ = facts;
  }
  spdlog::info("a new certificate is served; it ends {}", iso_seconds(facts.ends));
  return tell_();
}

// Once, until the clock has been right.
void Certificates::warn_of_clock(const net::ServerCertificate& local) {
  const bool behind = jobs_.clock().calendar() < local.ca_begins;
  if (behind && !clock_behind_)
    spdlog::warn(
        "the clock stands before the time of the CA {}, which begins {}: the CA is kept. If the "
        "clock is right, it was wrong when the CA was made: then stop the server and move that "
        "file and ca.key.sealed away; give the new CA to every client",
        local.ca_file, iso_seconds(local.ca_begins));
  clock_behind_ = behind;
}

// Once a day. The local one is renewed long before.
void Certificates::warn_of_end(const net::CertificateFacts& facts) {
  const Time left = facts.ends - jobs_.clock().calendar();
  if (left > kWarnDays * kDayMs || jobs_.clock().now() - warned_ < kDayMs) return;
  warned_ = jobs_.clock().now();
  if (left > 0)
    spdlog::warn("the certificate that is served ends in {} days, {}", left / kDayMs,
                 iso_seconds(facts.ends));
  else
    spdlog::error("the certificate that is served is over since {}: clients refuse it",
                  iso_seconds(facts.ends));
}

namespace {
void add_addresses_of_machine(std::vector<std::string>& names) {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return;
  for (const ifaddrs* one = first; one; one = one->ifa_next) {
    if (!one->ifa_addr || (one->ifa_flags & IFF_LOOPBACK)) continue;
    char text[INET6_ADDRSTRLEN] = "";
    if (one->ifa_addr->sa_family == AF_INET) {
      const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
      inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      const auto* address = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr);
      if (!IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr))
        inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof text);
    }
    if (*text) names.emplace_back(text);
  }
  freeifaddrs(first);
}
}  // namespace

std::vector<std::string> names_of(const ServeOptions& options, const net::Address& listen) {
  std::vector<std::string> names = options.names;
  if (listen.host == "0.0.0.0" || listen.host == "::")
    add_addresses_of_machine(names);
  else
    names.push_back(listen.host);
  return names;
}

}  // namespace sluice::cli
