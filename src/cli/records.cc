// SPDX-License-Identifier: Apache-2.0
#include "cli/records.h"

#include "base/bytes.h"
#include "services/cloudformation/records.h"
#include "services/cloudtrail/records.h"
#include "services/cloudwatch/records.h"
#include "services/dynamodb/records.h"
#include "services/iam/records.h"
#include "services/kms/records.h"
#include "services/lambda/records.h"
#include "services/logs/records.h"
#include "services/rolesanywhere/records.h"
#include "services/s3/records.h"
#include "services/sts/records.h"
#include "store/jobs.h"

namespace sluice::cli {
namespace {
// Read by others: s3::verify, since the value of a version holds more than the record, and
// Store::verify.
bool is_judged_elsewhere(std::string_view table) {
  return table == s3::VersionFacts::record.table || table == StoredJob::record.table;
}
}  // namespace

std::vector<RecordFacts> all_records() {
  std::vector<RecordFacts> all = {
      facts_of<cloudformation::ChangeSet>(),
      facts_of<cloudformation::Stack>(),
      facts_of<cloudformation::StackEvent>(),
      facts_of<cloudformation::StackResource>(),
      facts_of<cloudtrail::DeliveryStatus>(),
      facts_of<cloudtrail::Digest>(),
      facts_of<cloudtrail::DigestKeyRecord>(),
      facts_of<cloudtrail::GuardedBucket>(),
      facts_of<cloudtrail::LastDigest>(),
      facts_of<cloudtrail::LogFile>(),
      facts_of<cloudtrail::LoggingSession>(),
      facts_of<cloudtrail::Trail>(),
      facts_of<cloudwatch::KnownMetric>(),
      facts_of<dynamodb::ExportRecord>(),
      facts_of<dynamodb::FormerTable>(),
      facts_of<dynamodb::ImportRecord>(),
      facts_of<dynamodb::StreamRecord>(),
      facts_of<dynamodb::TableRecord>(),
      facts_of<dynamodb::TransactionRecord>(),
      facts_of<logs::Group>(),
      facts_of<logs::Stream>(),
      facts_of<iam::Role>(),
      facts_of<iam::ManagedPolicy>(),
      facts_of<iam::OidcProvider>(),
      facts_of<kms::Grant>(),
      facts_of<kms::KmsKey>(),
      facts_of<lambda::Alias>(),
      facts_of<lambda::EventConfig>(),
      facts_of<lambda::EventSource>(),
      facts_of<lambda::EventSourceCount>(),
      facts_of<lambda::EventSourceProgress>(),
      facts_of<lambda::Function>(),
      facts_of<lambda::FunctionPolicy>(),
      facts_of<lambda::Layer>(),
      facts_of<lambda::LayerPolicy>(),
      facts_of<lambda::LayerVersion>(),
      facts_of<lambda::Qualifiers>(),
      facts_of<lambda::Version>(),
      facts_of<rolesanywhere::Crl>(),
      facts_of<rolesanywhere::Profile>(),
      facts_of<rolesanywhere::TrustAnchor>(),
      facts_of<StoredJob>(),
      facts_of<s3::Bucket>(),
      facts_of<s3::Current>(),
      facts_of<s3::Part>(),
      facts_of<s3::Upload>(),
      facts_of<s3::VersionFacts>(),
      facts_of<sts::OidcKeys>(),
  };
  std::sort(all.begin(), all.end(),
            [](const RecordFacts& a, const RecordFacts& b) { return a.type.table < b.type.table; });
  return all;
}

std::string records_document() {
  std::string out =
      "# Records\n\n"
      "Every record of the store, its version and the members of its JSON "
      "(docs/on-disk.md, `src/store/record.h`). A member that has its default is left out. "
      "Written by `build/records > docs/records.md`.\n\n"
      "| table | version | members |\n|---|---|---|\n";
  for (const RecordFacts& one : all_records())
    out += "| `" + std::string(one.type.table) + "` | " + std::to_string(one.type.version) +
           " | `" + one.layout + "` |\n";
  return out;
}

void verify_records(Store& store, Verification& found) {
  const Snapshot snapshot = store.snapshot();
  for (const RecordFacts& one : all_records()) {
    if (is_judged_elsewhere(one.type.table)) continue;
    snapshot.scan(schema::span(schema::prefix(one.type.family, one.type.table, {})), false,
                  [&](std::string_view key, std::string_view value) {
                    try {
                      one.read(value);
                    } catch (const UnreadableRecord& problem) {
                      found.damaged.push_back("record " + hex(key) + " of " +
                                              std::string(one.type.table) + ": " + problem.what());
                    }
                    return true;
                  });
  }
}

}  // namespace sluice::cli
