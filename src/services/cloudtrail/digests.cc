// SPDX-License-Identifier: Apache-2.0
// Digest files: the hashes of an interval's log files, signed, and chained to the digest before.
// CloudTrail User Guide, "CloudTrail digest file structure".
#include <algorithm>

#include "base/gzip.h"
#include "crypto/crypto.h"
#include "crypto/rsa.h"
#include "services/cloudtrail/delivery.h"
#include "services/cloudtrail/keys.h"
#include "store/jobs.h"

namespace sluice::cloudtrail {
namespace {
// [prefix/]AWSLogs/A/CloudTrail-Digest/R/YYYY/MM/DD/ and there
// A_CloudTrail-Digest_R_<trail>_<home>_YYYYMMDDTHHMMSSZ.json.gz: the time is the digest's end.
std::string digest_object(const Work& work, const Scope& scope, Time end) {
  const std::string iso = iso_seconds(end),
                    day = iso.substr(0, 4) + "/" + iso.substr(5, 2) + "/" + iso.substr(8, 2);
  return logs_prefix(work.trail, scope) + "CloudTrail-Digest/" + scope.region + "/" + day + "/" +
         scope.account_id + "_CloudTrail-Digest_" + scope.region + "_" + work.name + "_" +
         scope.region + "_" + basic_date(end) + ".json.gz";
}
json::value or_null(const std::string& text) {
  return text.empty() ? json::value() : json::value(text);
}

struct Content {
  json::object document;
  std::string previous_signature;
};
Content content_of(const Work& work, const Snapshot& snapshot, const std::string& key,
                   const std::string& fingerprint, Time start, Time end) {
  const LoggingSession& s = work.session;
  json::array files;
  std::string oldest, newest;
  snapshot.scan(RecordPrefix<LogFile>{work.name, work.id},
                file_key(work.name, work.id, s.digested_through + 1).bytes, false,
                [&](std::string_view, const LogFile& file) {
                  if (!file.validated) return true;
                  if (oldest.empty() || file.oldest < oldest) oldest = file.oldest;
                  if (newest.empty() || file.newest > newest) newest = file.newest;
                  files.push_back(json::object{{"s3Bucket", file.bucket},
                                               {"s3Object", file.key},
                                               {"hashValue", file.hash},
                                               {"hashAlgorithm", "SHA-256"},
                                               {"newestEventTime", file.newest},
                                               {"oldestEventTime", file.oldest}});
                  return true;
                });
  const std::string& previous = s.digest_key;
  return {json::object{{"awsAccountId", snapshot.scope().account_id},
                       {"digestStartTime", iso_seconds(start)},
                       {"digestEndTime", iso_seconds(end)},
                       {"digestS3Bucket", work.trail.bucket},
                       {"digestS3Object", key},
                       {"digestPublicKeyFingerprint", fingerprint},
                       {"digestSignatureAlgorithm", "SHA256withRSA"},
                       {"newestEventTime", or_null(newest)},
                       {"oldestEventTime", or_null(oldest)},
                       {"previousDigestS3Bucket", or_null(s.digest_bucket)},
                       {"previousDigestS3Object", or_null(previous)},
                       {"previousDigestHashValue", or_null(s.digest_hash)},
                       {"previousDigestHashAlgorithm",
                        previous.empty() ? json::value() : json::value("SHA-256")},
                       {"previousDigestSignature", or_null(s.digest_signature)},
                       {"logFiles", std::move(files)}},
          previous.empty() ? "null" : s.digest_signature};
}
}  // namespace

Result<Done> deliver_digest(const Ports& ports, const Work& work, bool closes) {
  Store& store = *ports.store;
  const Time start =
      work.session.digest_end.value_or(work.session.chain_start.value_or(0)) / 1000 * 1000;
  // Digests follow each other, those of later sessions too, whatever the clock does: the end is in
  // the name.
  const auto last = store.snapshot().get(last_digest_key(work.name));
  const Time end = std::max(
      {store.jobs().clock().calendar() / 1000 * 1000, start + 1000, last ? last->end + 1000 : 0});
  TRY(const SigningKey key, signing_key(store, end));
  const std::string bucket = work.trail.bucket, object = digest_object(work, store.scope(), end);
  const Content content = content_of(work, store.snapshot(), object, key.fingerprint, start, end);
  const std::string text = json::serialize(content.document), hash = hex(sha256(text));
  const std::string signature =
      hex(rsa_sign_sha256(key.private_der, iso_seconds(end) + "\n" + bucket + "/" + object + "\n" +
                                               hash + "\n" + content.previous_signature));
  Headers headers;
  headers.add("x-amz-meta-signature", signature);
  headers.add("x-amz-meta-signature-algorithm", "SHA256withRSA");
  headers.add("x-amz-server-side-encryption",
              "AES256");  // digests are never under the trail's key, as on AWS
  const Rider rider = [&](Staged& staged) -> Result<Done> {
    TRY(LoggingSession session, same_session(staged, work));
    session.digested_through = session.position;
    if (closes) {
      session.chain_start.reset();
      session.digest_end.reset();
    } else {
      session.digest_end = end;
    }
    session.digest_bucket = closes ? "" : bucket;
    session.digest_key = closes ? "" : object;
    session.digest_hash = closes ? "" : hash;
    session.digest_signature = closes ? "" : signature;
    staged.put(work.key(), session);
    staged.put(digest_key(work.name, work.id, end), Digest{.bucket = bucket,
                                                           .key = object,
                                                           .hash = hash,
                                                           .signature = signature,
                                                           .start = start,
                                                           .end = end});
    staged.put(last_digest_key(work.name), LastDigest{.end = end});
    note_status(staged, work, &DeliveryStatus::digested, &DeliveryStatus::digest_error, end);
    return Done{};
  };
  return put_object(ports, work, bucket, object, headers, gzip(text), end, rider);
}

}  // namespace sluice::cloudtrail
