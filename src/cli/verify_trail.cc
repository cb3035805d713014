// SPDX-License-Identifier: Apache-2.0
// sluice verify --trail: everything AWS's validate-logs checks, and what it does not: the hash of
// the digest before, that digests follow each other without a gap, log files that no digest lists,
// digests missing at the end; and of a stopped server that files and audit chain tell one story.
#include <zlib.h>

#include <map>
#include <set>

#include "base/bytes.h"
#include "base/xml.h"
#include "cli/evidence.h"
#include "crypto/crypto.h"
#include "crypto/rsa.h"
#include "services/cloudtrail/delivery.h"

namespace sluice::cli {
namespace {
constexpr size_t kUnpackedBytesMax = 256 << 20;
// The end of the year 9999: a clock that ran ahead has made keys for days that are yet to come.
constexpr int64_t kEndOfTimeS = 253'402'300'799;
constexpr Time kGraceMs = 5000;  // between a digest's end and the moment it is in the bucket

// One gzip member and nothing after it, as the AWS CLI reads it.
std::optional<std::string> gunzip(std::string_view packed) {
  z_stream stream{};
  if (inflateInit2(&stream, MAX_WBITS + 16) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  int state = Z_OK;
  while (state == Z_OK && out.size() < kUnpackedBytesMax) {
    const size_t had = out.size(), step = std::max<size_t>(65536, had);
    out.resize(had + step);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    stream.avail_out = static_cast<uInt>(step);
    state = inflate(&stream, Z_NO_FLUSH);
    out.resize(had + step - stream.avail_out);
    if (state == Z_OK && stream.avail_in == 0 && stream.avail_out != 0) break;  // cut off
  }
  const bool whole = state == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  return whole ? std::optional(std::move(out)) : std::nullopt;
}

struct Read {
  std::string key, text, signature;
  json::object document;
};

class Check {
 public:
  Check(Evidence& evidence, TrailReport& report) : evidence_(evidence), report_(report) {}
  Result<Done> run(const std::string& arn) {
    const auto parsed = parse_arn(arn);
    if (!parsed || parsed->service != "cloudtrail" || !parsed->resource.starts_with("trail/"))
      return Error{400, "CloudTrailARNInvalidException", "not the ARN of a trail: " + arn, {}};
    name_ = parsed->resource.substr(6);
    TRY(const json::object described,
        evidence_.ask("DescribeTrails", {{"trailNameList", json::array{arn}}}));
    if (described.at("trailList").as_array().empty())
      return Error{404, "TrailNotFoundException", "there is no trail " + arn, {}};
    const json::object& trail = described.at("trailList").as_array()[0].as_object();
    bucket_ = text_of(trail, "S3BucketName");
    const std::string prefix = text_of(trail, "S3KeyPrefix");
    root_ = (prefix.empty() ? "" : prefix + "/") + "AWSLogs/" + parsed->account_id + "/";
    file_ = parsed->account_id + "_CloudTrail-Digest_" + parsed->region + "_" + name_ + "_" +
            parsed->region + "_";
    TRY(const json::object keys,
        evidence_.ask("ListPublicKeys", {{"StartTime", 0}, {"EndTime", kEndOfTimeS}}));
    for (const json::value& one : keys.at("PublicKeyList").as_array())
      keys_[text_of(one.as_object(), "Fingerprint")] =
          unbase64(text_of(one.as_object(), "Value")).value_or("");
    TRY(const auto digest_keys, list(root_ + "CloudTrail-Digest/"));
    TRY(const auto log_keys, list(root_ + "CloudTrail/"));
    std::vector<std::string> own;
    for (const auto& [key, modified] : digest_keys) {
      const std::string file = key.substr(key.rfind('/') + 1);
      if (file.starts_with(file_) && file.ends_with(".json.gz") && file.size() == file_.size() + 24)
        own.push_back(key);
      else
        read_foreign(key);
    }
    std::sort(own.begin(), own.end(), [](const std::string& a, const std::string& b) {
      return a.substr(a.size() - 24) < b.substr(b.size() - 24);
    });
    for (const std::string& key : own) check_digest(key);
    TRY(const json::object status, evidence_.ask("GetTrailStatus", {{"Name", name_}}));
    check_newest(status);
    check_unlisted(log_keys, bool_of(status, "IsLogging"));
    report_.logging_since = text_of(status, "TimeLoggingStarted");
    if (evidence_.store())
      check_store();
    else
      report_.notes.push_back(
          "the server runs: its audit chain was not compared with the files; stop it and verify "
          "again for that");
    return Done{};
  }

 private:
  void find(std::string what) { report_.findings.push_back(std::move(what)); }

  Result<std::map<std::string, Time>> list(const std::string& prefix) {
    std::map<std::string, Time> out;
    for (std::string token;;) {
      std::vector<std::pair<std::string, std::string>> query{{"list-type", "2"},
                                                             {"prefix", prefix}};
      if (!token.empty()) query.emplace_back("continuation-token", token);
      TRY(const Reply page, evidence_.get(bucket_, "", query));
      TRY(const auto document, parse_xml(page.body));
      for (const auto& one : document->select_nodes("//Contents"))
        out[one.node().child_value("Key")] =
            parse_iso(one.node().child_value("LastModified")).value_or(0);
      token = document->select_node("//NextContinuationToken").node().child_value();
      if (token.empty()) return out;
    }
  }
  std::optional<Read> read(const std::string& bucket, const std::string& key, bool is_digest) {
    const char* kind = is_digest ? "digest " : "log file ";
    auto reply = evidence_.get(bucket, key, {});
    if (!reply) {
      find(kind + key + ": " +
           (reply.error().code == "NoSuchKey"
                ? "missing"
                : "cannot be read: " + reply.error().code + " " + reply.error().message));
      return std::nullopt;
    }
    auto text = gunzip(reply->body);
    if (!text) {
      find(kind + key + ": is not one whole gzip file");
      return std::nullopt;
    }
    return Read{key, *std::move(text), reply->headers.get("x-amz-meta-signature"), {}};
  }
  // Of another trail with the same folder: its files are not ours, and not strangers either, if the
  // server signed for them.
  void read_foreign(const std::string& key) {
    auto other = read(bucket_, key, true);
    auto document = other ? parse_json_object(other->text) : Result<json::object>(Error{});
    if (!document) return;
    other->document = *std::move(document);
    if (const std::string wrong = not_genuine(*other); !wrong.empty())
      return find("digest " + key + ": " + wrong);
    if (const json::value* files = other->document.if_contains("logFiles");
        files && files->is_array())
      for (const json::value& one : files->get_array())
        if (one.is_object()) foreign_.insert(place_of(one.get_object()));
  }
  static std::string place_of(const json::object& file) {
    return text_of(file, "s3Bucket") + "/" + text_of(file, "s3Object");
  }
  // What is wrong with its place, its key or its signature; "" when nothing is.
  std::string not_genuine(const Read& digest) const {
    const json::object& d = digest.document;
    if (text_of(d, "digestS3Bucket") != bucket_ || text_of(d, "digestS3Object") != digest.key)
      return "says it belongs at " + text_of(d, "digestS3Bucket") + "/" +
             text_of(d, "digestS3Object");
    const std::string previous_signature = text_of(d, "previousDigestSignature");
    const std::string to_sign = text_of(d, "digestEndTime") + "\n" + bucket_ + "/" + digest.key +
                                "\n" + hex(sha256(digest.text)) + "\n" +
                                (previous_signature.empty() ? "null" : previous_signature);
    const auto public_key = keys_.find(text_of(d, "digestPublicKeyFingerprint"));
    if (public_key == keys_.end()) return "is signed with a key that is not the server's";
    return rsa_verify_sha256(public_key->second, to_sign, unhex(digest.signature).value_or(""))
               ? ""
               : "its signature is wrong";
  }

  void check_digest(const std::string& key) {
    ++report_.digests;
    auto digest = read(bucket_, key, true);
    if (!digest) {
      last_.reset();
      return;
    }
    auto parsed = parse_json_object(digest->text);
    if (!parsed) {
      find("digest " + key + ": is not JSON");
      last_.reset();
      return;
    }
    digest->document = *std::move(parsed);
    const json::object& d = digest->document;
    if (const std::string wrong = not_genuine(*digest); !wrong.empty())
      find("digest " + key + ": " + wrong);
    check_link(*digest);
    check_logs(d);
    newest_end_ = parse_iso(text_of(d, "digestEndTime")).value_or(0);
    last_ = std::move(digest);
  }
  void check_link(const Read& digest) {
    const json::object& d = digest.document;
    const std::string previous = text_of(d, "previousDigestS3Object");
    if (previous.empty()) {
      if (!evidence_.store())
        report_.notes.push_back("digest " + digest.key +
                                ": a chain begins; whether one before it is gone, only the store "
                                "of a stopped server can tell");
      return;
    }
    if (text_of(d, "previousDigestS3Bucket") != bucket_) {
      report_.notes.push_back("digest " + digest.key + ": the chain comes from the bucket " +
                              text_of(d, "previousDigestS3Bucket") + ", which was not looked at");
      return;
    }
    if (!last_ || last_->key != previous) {
      find("digest " + digest.key + ": the digest before it, " + previous +
           ", is missing or was changed");
      return;
    }
    if (text_of(d, "previousDigestHashValue") != hex(sha256(last_->text)))
      find("digest " + previous + ": its hash is not what the next digest says");
    if (text_of(d, "previousDigestSignature") != last_->signature)
      find("digest " + previous + ": its signature is not what the next digest says");
    if (text_of(d, "digestStartTime") != text_of(last_->document, "digestEndTime"))
      find("digest " + digest.key + ": does not begin where the one before it ends");
  }
  void check_logs(const json::object& digest) {
    const json::value* files = digest.if_contains("logFiles");
    if (!files || !files->is_array()) return find("a digest has no logFiles");
    for (const json::value& one : files->get_array()) {
      if (!one.is_object()) {
        find("a digest lists something that is no file");
        continue;
      }
      const json::object& file = one.get_object();
      const std::string key = text_of(file, "s3Object");
      if (!listed_.insert(place_of(file)).second) find("log file " + key + ": is listed twice");
      ++report_.files;
      const auto log = read(text_of(file, "s3Bucket"), key, false);
      if (log && hex(sha256(log->text)) != text_of(file, "hashValue"))
        find("log file " + key + ": was changed: its hash is not what its digest says");
    }
  }
  void check_newest(const json::object& status) {
    const double told = status.contains("LatestDigestDeliveryTime")
                            ? status.at("LatestDigestDeliveryTime").to_number<double>()
                            : 0;
    if (told * 1000 > static_cast<double>(newest_end_))
      find("the newest digest is missing: the trail delivered one that ends at " +
           iso_seconds(static_cast<Time>(told * 1000)) + ", the bucket's last ends at " +
           (newest_end_ ? iso_seconds(newest_end_) : "never"));
  }
  // A file that is there and in no digest: a stranger's, unless the trail is logging and it is
  // younger than the last digest.
  void check_unlisted(const std::map<std::string, Time>& logs, bool logging) {
    std::set<std::string> known = foreign_;
    if (Store* store = evidence_.store())
      for (const auto& file : cloudtrail::delivered<cloudtrail::LogFile>(store->snapshot(), {}))
        known.insert(file.bucket + "/" + file.key);
    for (const auto& [key, modified] : logs) {
      const std::string place = bucket_ + "/" + key;
      if (listed_.contains(place)) continue;
      if (known.contains(place) ||
          (!evidence_.store() && logging && modified >= newest_end_ - kGraceMs))
        ++report_.waiting;
      else
        find("log file " + key + ": no digest lists it");
    }
  }

  // What the store remembers having delivered, against the bucket; and every file's records against
  // the chain, byte for byte.
  void check_store() {
    Store& store = *evidence_.store();
    for (const auto& finding : store.verify()) find(finding.what);
    const Snapshot snapshot = store.snapshot();
    for (const auto& digest : cloudtrail::delivered<cloudtrail::Digest>(snapshot, name_)) {
      if (digest.bucket != bucket_) continue;
      const auto there = read(bucket_, digest.key, true);
      if (there &&
          (hex(sha256(there->text)) != digest.hash || there->signature != digest.signature))
        find("digest " + digest.key + ": is not the one that was delivered");
    }
    uint64_t reached = 0;
    for (const auto& file : cloudtrail::delivered<cloudtrail::LogFile>(snapshot, name_)) {
      const std::string& key = file.key;
      if (file.first <= reached)
        find("log file " + key + ": holds records that were delivered before it");
      reached = file.last;
      const auto log = read(file.bucket, key, false);
      if (!log) continue;
      if (hex(sha256(log->text)) != file.hash)
        find("log file " + key + ": is not the one that was delivered");
      const size_t same = records_in_chain(store, snapshot, log->text, file.first, file.last);
      report_.records += same;
      if (same != file.count)
        find("log file " + key + ": of its " + std::to_string(file.count) + " records only " +
             std::to_string(same) + " stand in the audit chain as they stand in the file");
    }
  }
  static size_t records_in_chain(Store& store, const Snapshot& snapshot, const std::string& text,
                                 uint64_t first, uint64_t last) {
    constexpr std::string_view kHead = "{\"Records\":[";
    if (!text.starts_with(kHead)) return 0;
    size_t at = kHead.size(), count = 0;
    store.audit_from(snapshot, first, [&](uint64_t sequence, std::string_view record) {
      if (sequence > last || at >= text.size()) return false;
      if (text.compare(at, record.size(), record) != 0) return true;  // not selected
      at += record.size() + 1;
      ++count;
      return true;
    });
    return at == text.size() - 1 ? count
                                 : 0;  // the last record's "comma" is the bracket; then the brace
  }

  Evidence& evidence_;
  TrailReport& report_;
  std::string name_, bucket_, root_,
      file_;  // file_: how the trail's digests are called, up to the time
  std::map<std::string, std::string> keys_;
  std::set<std::string> listed_, foreign_;  // "bucket/key" in digests of this trail, of others
  std::optional<Read> last_;
  Time newest_end_ = 0;
};
}  // namespace

Result<TrailReport> verify_trail(Evidence& evidence, const std::string& arn) {
  TrailReport report;
  CHECK(Check(evidence, report).run(arn));
  return report;
}

}  // namespace sluice::cli
