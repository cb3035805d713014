// SPDX-License-Identifier: Apache-2.0
#include "request/sigv4.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "base/bytes.h"
#include "crypto/crypto.h"

namespace sluice {
namespace {
namespace fs = std::filesystem;
const Secret kSecret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

sigv4::Claim claim_of(std::string service, std::vector<std::string> headers) {
  sigv4::Claim c;
  c.access_key_id = "AKIAIOSFODNN7EXAMPLE";
  c.date = "20130524";
  c.region = "us-east-1";
  c.service = std::move(service);
  c.terminator = "aws4_request";
  c.time_text = "20130524T000000Z";
  c.signed_headers = std::move(headers);
  return c;
}
std::string signature(const sigv4::Claim& claim, const std::string& canonical) {
  return hex(
      hmac_sha256(sigv4::signing_key(kSecret, claim), sigv4::string_to_sign(claim, canonical)));
}

// S3 API Reference, "Signature calculations: examples", GET Object.
TEST(SigV4, SignsTheS3GetExample) {
  Request r;
  r.method = "GET";
  r.target = "/test.txt";
  for (const auto& [name, value] :
       {std::pair{"host", "examplebucket.s3.amazonaws.com"},
        {"range", "bytes=0-9"},
        {"x-amz-content-sha256",
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"x-amz-date", "20130524T000000Z"}})
    r.headers.add(name, value);
  const auto claim = claim_of("s3", {"host", "range", "x-amz-content-sha256", "x-amz-date"});
  EXPECT_EQ(signature(claim, sigv4::canonical_request(r, claim,
                                                      r.headers.get("x-amz-content-sha256"), true)),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

// The same page, GET Bucket (list): the query is sorted and encoded.
TEST(SigV4, SignsTheS3ListExample) {
  Request r;
  r.method = "GET";
  r.target = "/?prefix=J&max-keys=2";
  r.raw_query = "prefix=J&max-keys=2";
  const std::string empty = hex(sha256(""));
  for (const auto& [name, value] :
       {std::pair<std::string, std::string>{"host", "examplebucket.s3.amazonaws.com"},
        {"x-amz-content-sha256", empty},
        {"x-amz-date", "20130524T000000Z"}})
    r.headers.add(name, value);
  const auto claim = claim_of("s3", {"host", "x-amz-content-sha256", "x-amz-date"});
  EXPECT_EQ(signature(claim, sigv4::canonical_request(r, claim, empty, true)),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

// A body given out in small pieces, as a network does.
class Pieces : public BodySource {
 public:
  explicit Pieces(std::string text) : text_(std::move(text)) {}
  Result<size_t> read(char* into, size_t size) override {
    const size_t n = text_.copy(into, std::min<size_t>(size, 777), at_);
    at_ += n;
    return n;
  }

 private:
  std::string text_;
  size_t at_ = 0;
};

std::string signed_chunks() {
  return "10000;chunk-signature="
         "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" +
         std::string(65536, 'a') +
         "\r\n400;chunk-signature="
         "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" +
         std::string(1024, 'a') +
         "\r\n0;chunk-signature="
         "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n";
}
Result<size_t> receive(const std::string& body, const char* mode, const char* seed,
                       Headers* trailers = nullptr) {
  Request r;
  r.headers.add("x-amz-content-sha256", mode);
  r.headers.add("x-amz-decoded-content-length", "66560");
  auto claim = claim_of("s3", {});
  claim.signature = seed;
  Pieces raw(body);
  TRY(const auto source,
      sigv4::verified_payload(raw, r, claim, Secret(sigv4::signing_key(kSecret, claim))));
  char buffer[5000];
  size_t total = 0;
  for (;;) {
    TRY(const size_t got, source->read(buffer, sizeof buffer));
    if (!got) break;
    total += got;
  }
  if (trailers && source->trailers()) *trailers = *source->trailers();
  return total;
}
constexpr const char* kSeed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";

// S3 API Reference, "sigv4-streaming".
TEST(SigV4, ReadsTheSignedChunksOfTheExample) {
  const auto got = receive(signed_chunks(), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", kSeed);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, 66560u);
}
TEST(SigV4, RefusesAChunkThatWasChangedMovedOrCut) {
  std::string changed = signed_chunks();
  changed[100 + 80] = 'b';
  EXPECT_FALSE(receive(changed, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", kSeed));
  EXPECT_FALSE(
      receive(signed_chunks().substr(0, 65700), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", kSeed));
  EXPECT_FALSE(receive(signed_chunks(), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "00"));
  std::string last = signed_chunks();
  last[last.size() - 6] = last[last.size() - 6] == '0' ? '1' : '0';
  EXPECT_FALSE(receive(last, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", kSeed));
}
// "sigv4-streaming-trailers".
TEST(SigV4, ReadsAndVerifiesASignedTrailer) {
  const auto body = [](const char* checksum) {
    return "10000;chunk-signature="
           "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" +
           std::string(65536, 'a') +
           "\r\n400;chunk-signature="
           "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n" +
           std::string(1024, 'a') +
           "\r\n0;chunk-signature="
           "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\nx-amz-checksum-"
           "crc32c:" +
           checksum +
           "\r\nx-amz-trailer-signature:"
           "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n";
  };
  constexpr const char* kTrailerSeed =
      "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
  Headers trailers;
  const auto got = receive(body("sOO8/Q=="), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                           kTrailerSeed, &trailers);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(trailers.get("x-amz-checksum-crc32c"), "sOO8/Q==");
  EXPECT_FALSE(
      receive(body("sOO8/A=="), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", kTrailerSeed));
}
TEST(SigV4, ReadsUnsignedChunksWithATrailer) {
  Headers trailers;
  const std::string body =
      "10400\r\n" + std::string(66560, 'a') + "\r\n0\r\nx-amz-checksum-crc32c:sOO8/Q==\r\n\r\n";
  const auto got = receive(body, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "", &trailers);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(trailers.get("x-amz-checksum-crc32c"), "sOO8/Q==");
  EXPECT_FALSE(receive("10401\r\n" + std::string(66561, 'a') + "\r\n0\r\n\r\n",
                       "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ""));  // longer than announced
  EXPECT_FALSE(receive("1040\r\n" + std::string(4160, 'a') + "\r\n0\r\n\r\n",
                       "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ""));  // shorter
  EXPECT_FALSE(receive("zz\r\n", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ""));
  EXPECT_FALSE(receive(std::string(100000, '1'), "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ""));
}

// The vectors of the shared data, by header and by query: canonical request, string to sign and
// signature, and what becomes of each when one part of the request is changed.
struct Vector {
  Request request;
  sigv4::Claim claim;
  Secret secret;
  std::string hash, canonical, to_sign, signature;
  bool s3 = false;
};

Request request_of(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  Request r;
  r.method = line.substr(0, line.find(' '));
  r.target = line.substr(line.find(' ') + 1, line.rfind(' ') - line.find(' ') - 1);
  if (r.target.find('?') != std::string::npos)
    r.raw_query = r.target.substr(r.target.find('?') + 1);
  for (const auto part : split(r.raw_query, '&')) {
    const size_t equals = part.find('=');
    r.query.emplace_back(
        percent_decode(part.substr(0, equals)).value_or(""),
        equals == part.npos ? "" : percent_decode(part.substr(equals + 1)).value_or(""));
  }
  while (std::getline(lines, line) && !line.empty() && line != "\r") {
    if (line.back() == '\r') line.pop_back();
    if ((line[0] == ' ' || line[0] == '\t') && !r.headers.list.empty()) {
      r.headers.list.back().second += " " + std::string(trim(line));
      continue;
    }
    const size_t colon = line.find(':');
    r.headers.add(lower(line.substr(0, colon)),
                  std::string(trim(std::string_view(line).substr(colon + 1))));
  }
  std::getline(lines, r.body, '\0');
  return r;
}

std::vector<Vector> vectors(const std::string& form) {
  std::vector<Vector> out;
  const fs::path root = "../shared/data/sigv4";
  static constexpr Service kAny{"service", "", Protocol::json11, "", "", {}, ""};
  for (const auto& entry :
       fs::exists(root) ? fs::directory_iterator(root) : fs::directory_iterator()) {
    if (!fs::exists(entry.path() / (form + "-signed-request.txt"))) continue;
    const auto context = parse_json_object(read(entry.path() / "context.json"));
    Vector v{request_of(read(entry.path() / (form + "-signed-request.txt"))),
             {},
             Secret(text_of(context->at("credentials").as_object(), "secret_access_key")),
             {},
             read(entry.path() / (form + "-canonical-request.txt")),
             read(entry.path() / (form + "-string-to-sign.txt")),
             read(entry.path() / (form + "-signature.txt"))};
    v.s3 = !bool_of(*context, "normalize");
    auto claim = sigv4::parse(v.request, kAny);
    EXPECT_TRUE(claim) << entry.path() << (claim ? "" : claim.error().message);
    if (!claim) continue;
    v.claim = *claim;
    v.hash = v.canonical.substr(v.canonical.rfind('\n') + 1);
    if (hex(sha256(v.request.body)) != v.hash) {
      EXPECT_EQ(v.hash, hex(sha256(""))) << entry.path();
    }
    out.push_back(std::move(v));
  }
  return out;
}
std::string sign(const Vector& v) {
  return hex(hmac_sha256(
      sigv4::signing_key(v.secret, v.claim),
      sigv4::string_to_sign(v.claim, sigv4::canonical_request(v.request, v.claim, v.hash, v.s3))));
}

// S3's form of a path and that of the other services differ only in what is encoded twice: the
// unnormalized vectors are S3's.
TEST(SigV4, SignsEveryPublishedVectorByHeaderAndByQuery) {
  if (!fs::exists("../shared/data/sigv4"))
    GTEST_SKIP() << "the shared data is not beside the checkout";
  for (const char* form : {"header", "query"}) {
    const auto all = vectors(form);
    EXPECT_GE(all.size(), 30u);
    for (const Vector& v : all) {
      // A token that is added after signing is part of the query all the same: S3 refuses it, and
      // so do we.
      if (v.request.query_value("X-Amz-Security-Token") &&
          v.canonical.find("X-Amz-Security-Token") == std::string::npos)
        continue;
      EXPECT_EQ(sigv4::canonical_request(v.request, v.claim, v.hash, v.s3), v.canonical);
      EXPECT_EQ(sigv4::string_to_sign(v.claim, v.canonical), v.to_sign);
      EXPECT_EQ(sign(v), v.signature);
      EXPECT_EQ(v.claim.signature, v.signature);
    }
  }
}
TEST(SigV4, RefusesEveryPublishedVectorWhenAnyPartOfItIsChanged) {
  if (!fs::exists("../shared/data/sigv4"))
    GTEST_SKIP() << "the shared data is not beside the checkout";
  using Change = std::function<void(Vector&)>;
  const std::vector<std::pair<const char*, Change>> changes{
      {"method", [](Vector& v) { v.request.method = "DELETE"; }},
      {"path", [](Vector& v) { v.request.target = "/other" + v.request.target; }},
      {"path case", [](Vector& v) { v.request.target = "/Z"; }},
      {"query", [](Vector& v) { v.request.raw_query += "&more=1"; }},
      {"header",
       [](Vector& v) {
         for (auto& [name, value] : v.request.headers.list)
           if (name == "host") value += ".evil";
       }},
      {"doubled header", [](Vector& v) { v.request.headers.add("host", "b"); }},
      {"payload", [](Vector& v) { v.hash = hex(sha256("other")); }},
      {"time", [](Vector& v) { v.claim.time_text = "20150830T123601Z"; }},
      {"date", [](Vector& v) { v.claim.date = "20150831"; }},
      {"region", [](Vector& v) { v.claim.region = "us-east-2"; }},
      {"service", [](Vector& v) { v.claim.service = "iam"; }},
      {"terminator", [](Vector& v) { v.claim.terminator = "aws5_request"; }},
      {"signed headers", [](Vector& v) { v.claim.signed_headers.pop_back(); }},
      {"secret", [](Vector& v) { v.secret = Secret("other"); }}};
  for (const char* form : {"header", "query"})
    for (const Vector& v : vectors(form))
      for (const auto& [name, change] : changes) {
        Vector changed = v;
        change(changed);
        EXPECT_NE(sign(changed), v.signature) << name << " of " << v.request.target;
      }
}
}  // namespace
}  // namespace sluice
