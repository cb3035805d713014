// SPDX-License-Identifier: Apache-2.0
// Digest files: the hashes of an interval's log files, signed, and chained to the digest before.
// CloudTrail User Guide, "CloudTrail digest file structure".
#include <algorithm>

#include "crypto/crypto.h"
#include "crypto/rsa.h"
#include "services/cloudtrail/delivery.h"
#include "services/cloudtrail/keys.h"

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
  const json::object& s = work.session;
  json::array files;
  std::string oldest, newest;
  snapshot.scan(schema::prefix(Family::meta, "cloudtrail.file", {work.name, work.id}),
                file_key(work.name, work.id, position_of(s, "DigestedThrough") + 1).bytes, false,
                [&](std::string_view, std::string_view value) {
                  const auto file = parse_json_object(value);
                  if (!file || !bool_of(*file, "Validated")) return true;
                  const std::string first = text_of(*file, "Oldest"),
                                    last = text_of(*file, "Newest");
                  if (oldest.empty() || first < oldest) oldest = first;
                  if (newest.empty() || last > newest) newest = last;
                  files.push_back(json::object{{"s3Bucket", text_of(*file, "Bucket")},
                                               {"s3Object", text_of(*file, "Key")},
                                               {"hashValue", text_of(*file, "Hash")},
                                               {"hashAlgorithm", "SHA-256"},
                                               {"newestEventTime", last},
                                               {"oldestEventTime", first}});
                  return true;
                });
  const std::string previous = text_of(s, "DigestKey");
  return {json::object{{"awsAccountId", snapshot.scope().account_id},
                       {"digestStartTime", iso_seconds(start)},
                       {"digestEndTime", iso_seconds(end)},
                       {"digestS3Bucket", text_of(work.trail, "S3BucketName")},
                       {"digestS3Object", key},
                       {"digestPublicKeyFingerprint", fingerprint},
                       {"digestSignatureAlgorithm", "SHA256withRSA"},
                       {"newestEventTime", or_null(newest)},
                       {"oldestEventTime", or_null(oldest)},
                       {"previousDigestS3Bucket", or_null(text_of(s, "DigestBucket"))},
                       {"previousDigestS3Object", or_null(previous)},
                       {"previousDigestHashValue", or_null(text_of(s, "DigestHash"))},
                       {"previousDigestHashAlgorithm",
                        previous.empty() ? json::value() : json::value("SHA-256")},
                       {"previousDigestSignature", or_null(text_of(s, "DigestSignature"))},
                       {"logFiles", std::move(files)}},
          previous.empty() ? "null" : text_of(s, "DigestSignature")};
}
}  // namespace

Result<Done> deliver_digest(const Ports& ports, const Work& work, bool closes) {
  Store& store = *ports.store;
  const Time start =
      int_of(work.session, work.session.contains("DigestEnd") ? "DigestEnd" : "ChainStart") / 1000 *
      1000;
  // Digests follow each other, those of later sessions too, whatever the clock does: the end is in
  // the name.
  const auto last = store.snapshot().get_json(last_digest_key(work.name));
  const Time end =
      std::max({now() / 1000 * 1000, start + 1000, last ? int_of(*last, "End") + 1000 : 0});
  TRY(const SigningKey key, signing_key(store, end));
  const std::string bucket = text_of(work.trail, "S3BucketName"),
                    object = digest_object(work, store.scope(), end);
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
    TRY(json::object session, same_session(staged, work));
    session["DigestEnd"] = end;
    session["DigestBucket"] = bucket;
    session["DigestKey"] = object;
    session["DigestHash"] = hash;
    session["DigestSignature"] = signature;
    session["DigestedThrough"] = position_of(session, "Position");
    if (closes)
      for (const char* member : {"ChainStart", "DigestEnd", "DigestBucket", "DigestKey",
                                 "DigestHash", "DigestSignature"})
        session.erase(member);
    staged.put_json(work.key(), session);
    staged.put_json(digest_key(work.name, work.id, end), json::object{{"Bucket", bucket},
                                                                      {"Key", object},
                                                                      {"Hash", hash},
                                                                      {"Signature", signature},
                                                                      {"Start", start},
                                                                      {"End", end}});
    staged.put_json(last_digest_key(work.name), json::object{{"End", end}});
    note_status(staged, work, "Digested", "LatestDigestDeliveryError", end);
    return Done{};
  };
  return put_object(ports, work, bucket, object, headers, gzip(text), end, rider);
}

}  // namespace sluice::cloudtrail
