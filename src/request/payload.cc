// SPDX-License-Identifier: Apache-2.0
// The modes of a payload that x-amz-content-sha256 can name: plain, unsigned, and those of
// aws-chunked. Source: S3 API Reference, "Signature calculations".
#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "request/sigv4.h"

namespace sluice::sigv4 {
namespace {
constexpr size_t kLineMax = 4096, kTrailerMax = 16, kChunkMin = 8192;

class HashedSource : public BodySource {
 public:
  HashedSource(BodySource& raw, std::string expected) : raw_(raw), expected_(std::move(expected)) {}
  Result<size_t> read(char* into, size_t size) override {
    if (done_) return size_t{0};
    TRY(const size_t got, raw_.read(into, size));
    if (got) {
      digest_.update({into, got});
      return got;
    }
    done_ = true;
    const std::string actual = hex(digest_.finish());
    if (!equal_constant_time(actual, expected_))
      return Error{
          400,
          "XAmzContentSHA256Mismatch",
          "The provided 'x-amz-content-sha256' header does not match what was computed.",
          {{"ClientComputedContentSHA256", expected_}, {"S3ComputedContentSHA256", actual}}};
    return size_t{0};
  }

 private:
  BodySource& raw_;
  std::string expected_;
  Digest digest_{Digest::Algorithm::sha256};
  bool done_ = false;
};

class PlainSource : public BodySource {
 public:
  explicit PlainSource(BodySource& raw) : raw_(raw) {}
  Result<size_t> read(char* into, size_t size) override { return raw_.read(into, size); }

 private:
  BodySource& raw_;
};

struct ChunkSigning {
  Secret key;
  std::string time, scope, previous;
};

class ChunkedSource : public BodySource {
 public:
  ChunkedSource(BodySource& raw, bool is_signed, bool trailer, uint64_t decoded_bytes,
                ChunkSigning signing)
      : raw_(raw),
        signed_(is_signed),
        trailer_(trailer),
        decoded_bytes_(decoded_bytes),
        signing_(std::move(signing)) {}
  const Headers* trailers() const override { return ended_ ? &trailers_ : nullptr; }

  Result<size_t> read(char* into, size_t size) override {
    if (ended_) return size_t{0};
    if (!left_) {
      CHECK(next_chunk());
      if (!left_) {
        CHECK(finish());
        ended_ = true;
        return size_t{0};
      }
    }
    TRY(const size_t got, take(into, std::min<uint64_t>(size, left_)));
    left_ -= got;
    total_ += got;
    if (signed_) hash_.update({into, got});
    if (!left_) CHECK(end_chunk());
    return got;
  }

 private:
  static Error incomplete() {
    return {400,
            "IncompleteBody",
            "You did not provide the number of bytes specified by the x-amz-decoded-content-length "
            "HTTP header",
            {}};
  }
  static Error mismatch() {
    return {403, "SignatureDoesNotMatch", "The signature of a chunk does not match.", {}};
  }

  Result<Done> fill() {
    buffer_.erase(0, at_);
    at_ = 0;
    const size_t old = buffer_.size();
    buffer_.resize(old + 16384);
    auto got = raw_.read(buffer_.data() + old, 16384);
    buffer_.resize(old + (got ? *got : 0));
    if (!got) return std::move(got).error();
    if (!*got) return incomplete();
    return Done{};
  }
  Result<size_t> take(char* into, size_t size) {
    if (at_ == buffer_.size()) {
      auto got = raw_.read(into, size);
      if (got && !*got) return incomplete();
      return got;
    }
    const size_t n = std::min(size, buffer_.size() - at_);
    memcpy(into, buffer_.data() + at_, n);
    at_ += n;
    return n;
  }
  // The bytes up to LF, without CR LF.
  Result<std::string> line() {
    for (size_t end;;) {
      if ((end = buffer_.find('\n', at_)) != std::string::npos) {
        std::string out = buffer_.substr(at_, end - at_);
        at_ = end + 1;
        if (!out.empty() && out.back() == '\r') out.pop_back();
        return out;
      }
      if (buffer_.size() - at_ > kLineMax)
        return Error{400, "InvalidRequest", "A chunk header is too long.", {}};
      CHECK(fill());
    }
  }
  Result<Done> next_chunk() {
    TRY(const std::string head, line());
    const size_t semicolon = head.find(';');
    const std::string size_text = head.substr(0, semicolon);
    if (size_text.empty() || size_text.size() > 12 ||
        size_text.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
      return Error{400, "InvalidRequest", "A chunk header is malformed.", {}};
    left_ = 0;
    for (char c : size_text)
      left_ = left_ * 16 + static_cast<uint64_t>(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    if (left_ > decoded_bytes_ - total_) return incomplete();
    if (signed_) {
      constexpr std::string_view kName = ";chunk-signature=";
      if (semicolon == std::string::npos || head.compare(semicolon, kName.size(), kName) != 0)
        return mismatch();
      claimed_ = head.substr(semicolon + kName.size());
      if (left_ && last_short_)
        return Error{403,
                     "InvalidChunkSizeError",
                     "Only the last chunk is allowed to have a size less than 8192 bytes",
                     {}};
      last_short_ = left_ < kChunkMin;
      hash_ = Digest(Digest::Algorithm::sha256);
    }
    return Done{};
  }
  Result<Done> verify_chunk() {
    if (!signed_) return Done{};
    const std::string to_sign = "AWS4-HMAC-SHA256-PAYLOAD\n" + signing_.time + "\n" +
                                signing_.scope + "\n" + signing_.previous + "\n" + hex(sha256("")) +
                                "\n" + hex(hash_.finish());
    signing_.previous = hex(hmac_sha256(signing_.key.expose(), to_sign));
    if (!equal_constant_time(signing_.previous, claimed_)) return mismatch();
    return Done{};
  }
  Result<Done> end_chunk() {
    TRY(const std::string rest, line());
    if (!rest.empty())
      return Error{400, "InvalidRequest", "A chunk is longer than its header says.", {}};
    return verify_chunk();
  }
  Result<Done> finish() {
    if (total_ != decoded_bytes_) return incomplete();
    CHECK(verify_chunk());
    std::string to_hash, claimed;
    for (size_t count = 0; trailer_ || count == 0; ++count) {
      auto next = line();
      if (!next && !trailer_) break;  // without trailers, the last CR LF may be missing
      if (!next) return std::move(next).error();
      const size_t colon = next->find(':');
      if (next->empty()) {
        if (claimed.empty() && signed_ && trailer_ && count < kTrailerMax && !to_hash.empty())
          continue;
        break;
      }
      if (colon == std::string::npos || count >= kTrailerMax)
        return Error{400,
                     "MalformedTrailerError",
                     "The request contained trailing data that was not well-formed.",
                     {}};
      std::string name = lower(next->substr(0, colon)),
                  value(trim(std::string_view(*next).substr(colon + 1)));
      if (name == "x-amz-trailer-signature") {
        claimed = value;
        continue;
      }
      to_hash += name + ":" + value + "\n";
      trailers_.add(std::move(name), std::move(value));
    }
    if (!signed_ || !trailer_) return Done{};
    const std::string to_sign = "AWS4-HMAC-SHA256-TRAILER\n" + signing_.time + "\n" +
                                signing_.scope + "\n" + signing_.previous + "\n" +
                                hex(sha256(to_hash));
    if (!equal_constant_time(hex(hmac_sha256(signing_.key.expose(), to_sign)), claimed))
      return mismatch();
    return Done{};
  }

  BodySource& raw_;
  const bool signed_, trailer_;
  const uint64_t decoded_bytes_;
  ChunkSigning signing_;
  std::string buffer_, claimed_;
  size_t at_ = 0;
  uint64_t left_ = 0, total_ = 0;
  bool ended_ = false, last_short_ = false;
  Digest hash_{Digest::Algorithm::sha256};
  Headers trailers_;
};
}  // namespace

Result<std::shared_ptr<BodySource>> verified_payload(BodySource& raw, const Request& request,
                                                     const Claim& claim,
                                                     const Secret& signing_key) {
  std::string mode = request.headers.get("x-amz-content-sha256");
  if (mode.empty() && claim.presigned)
    mode = request.query_value("X-Amz-Content-Sha256") ? request.query_text("X-Amz-Content-Sha256")
                                                       : "UNSIGNED-PAYLOAD";
  if (mode == "UNSIGNED-PAYLOAD")
    return std::shared_ptr<BodySource>(std::make_shared<PlainSource>(raw));
  if (mode.size() == 64)
    return std::shared_ptr<BodySource>(std::make_shared<HashedSource>(raw, lower(mode)));
  if (mode.empty())
    return Error{400,
                 "InvalidRequest",
                 "Missing required header for this request: x-amz-content-sha256",
                 {}};
  if (mode.starts_with("STREAMING-AWS4-ECDSA"))
    return Error{501,
                 "NotImplemented",
                 "SigV4a payloads are not implemented; sign with AWS4-HMAC-SHA256.",
                 {}};
  const bool is_signed = mode.starts_with("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
             trailer = mode.ends_with("-TRAILER");
  if (!is_signed && mode != "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    return Error{400,
                 "InvalidArgument",
                 "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- mode, or a valid "
                 "sha256 value.",
                 {{"ArgumentName", "x-amz-content-sha256"}, {"ArgumentValue", mode}}};
  const auto decoded = parse_int(request.headers.get("x-amz-decoded-content-length"));
  if (!decoded || *decoded < 0)
    return Error{
        411, "MissingContentLength", "You must provide the Content-Length HTTP header.", {}};
  ChunkSigning signing{signing_key, claim.time_text,
                       claim.date + "/" + claim.region + "/" + claim.service + "/aws4_request",
                       claim.signature};
  return std::shared_ptr<BodySource>(std::make_shared<ChunkedSource>(
      raw, is_signed, trailer, static_cast<uint64_t>(*decoded), std::move(signing)));
}

}  // namespace sluice::sigv4
