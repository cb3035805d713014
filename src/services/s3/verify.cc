// SPDX-License-Identifier: Apache-2.0
// For `sluice verify`: opens every object and every part, and follows every reference between their
// records.
#include "base/bytes.h"
#include "services/s3/objects.h"

namespace sluice::s3 {
namespace {
bool exists(const Snapshot& snapshot, const Key& key) { return snapshot.get(key).has_value(); }
std::string name_of(const std::vector<std::string>& parts) {
  return "s3://" + parts.at(0) + "/" + parts.at(1);
}

Result<Done> open_version(const Ports& ports, const Snapshot& snapshot,
                          const std::vector<std::string>& parts, const Version& version) {
  Result<Done> opened = Done{};
  const uint64_t size = version.facts.size;
  const auto body =
      read_version(version, encryption_context(parts.at(0), parts.at(1), version.facts.context),
                   ports, snapshot, 0, size, opened);
  CHECK(opened);
  uint64_t read = 0;
  for (;;) {
    TRY(const std::string piece, body->next());
    if (piece.empty()) break;
    read += piece.size();
  }
  if (read != size)
    return Error{
        500,
        "InternalError",
        "it holds " + std::to_string(read) + " bytes, its record says " + std::to_string(size),
        {}};
  return Done{};
}

// What `read` gives. nullopt: the record of `what` cannot be read, which is noted in `found`.
template <class Read>
auto readable(const std::string& what, Verification& found, const Read& read)
    -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const UnreadableRecord&) {
    found.damaged.push_back(what + ": its record cannot be read");
    return std::nullopt;
  }
}

void check_versions(const Ports& ports, const Snapshot& snapshot, Verification& found) {
  const Key versions = RecordPrefix<VersionFacts>{};
  snapshot.scan(versions, "", false, [&](std::string_view key, std::string_view value) {
    const auto parts = schema::parts(key);
    const auto version =
        readable(name_of(parts), found, [&] { return Version::unpack(std::string(value)); });
    if (!version) return true;
    const std::string what = name_of(parts) + " version " + version->facts.id;
    if (!exists(snapshot, bucket_key(parts.at(0))))
      found.damaged.push_back(what + ": its bucket does not exist");
    if (version->facts.marker) return true;
    for (const SealedFile& file : version->facts.files) found.files.insert(file.id);
    found.judge(what, open_version(ports, snapshot, parts, *version));
    return true;
  });
}

// Checks the uploads that are still open. The seal of a part needs the key and the context of its
// object.
void check_uploads(const Ports& ports, const Snapshot& snapshot, Verification& found) {
  const Key uploads = RecordPrefix<Upload>{};
  snapshot.scan(uploads, "", false, [&](std::string_view upload, std::string_view) {
    const auto names = schema::parts(upload);
    const Key parts = parts_of(names.at(2));
    snapshot.scan(parts, "", false, [&](std::string_view key, std::string_view value) {
      const std::string what =
          name_of(names) + " part " + schema::parts(key).at(1) + " of upload " + names.at(2);
      const auto part = readable(what, found, [&] { return decode<Part>(value); });
      if (!part) return true;
      found.files.insert(part->id);
      const auto data_key =
          ports.data_keys->unwrap(unbase64(part->wrapped).value_or(""),
                                  encryption_context(names.at(0), names.at(1)), snapshot);
      found.judge(what, data_key ? open_every_seal(*ports.store, part->ref(), *data_key)
                                 : Result<Done>(data_key.error()));
      return true;
    });
    return true;
  });
}

void check_pointers(const Snapshot& snapshot, Verification& found) {
  const Key newest = RecordPrefix<Current>{};
  snapshot.scan(newest, "", false, [&](std::string_view key, std::string_view value) {
    const auto parts = schema::parts(key);
    const auto current = readable(name_of(parts), found, [&] { return decode<Current>(value); });
    if (current && !exists(snapshot, version_key(parts.at(0), parts.at(1), current->sort)))
      found.damaged.push_back(name_of(parts) + ": its newest version does not exist");
    return true;
  });
  snapshot.scan(
      schema::prefix(Family::objects, "s3.null", {}), "", false,
      [&](std::string_view key, std::string_view sort) {
        const auto parts = schema::parts(key);
        if (!exists(snapshot, version_key(parts.at(0), parts.at(1), sort)))
          found.damaged.push_back(name_of(parts) + ": its version \"null\" does not exist");
        return true;
      });
}
}  // namespace

void verify(const Ports& ports, Verification& found) {
  const Snapshot snapshot = ports.store->snapshot();
  check_versions(ports, snapshot, found);
  check_uploads(ports, snapshot, found);
  check_pointers(snapshot, found);
}

}  // namespace sluice::s3
