// SPDX-License-Identifier: Apache-2.0
// sluice verify: every object and part is opened, every pointer between their records followed.
#include "base/bytes.h"
#include "services/s3/objects.h"

namespace sluice::s3 {
namespace {
std::string name_of(const std::vector<std::string>& parts) {
  return "s3://" + parts.at(0) + "/" + parts.at(1);
}

Result<Done> open_version(const Ports& ports, const Snapshot& snapshot,
                          const std::vector<std::string>& parts, const Version& version) {
  Result<Done> opened = Done{};
  const auto size = static_cast<uint64_t>(int_of(version.facts, "Size"));
  const auto body =
      read_version(version, encryption_context(parts.at(0), parts.at(1), version.facts), ports,
                   snapshot, 0, size, opened);
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

void check_versions(const Ports& ports, const Snapshot& snapshot, Verification& found) {
  snapshot.scan(schema::prefix(Family::objects, "s3.version", {}), "", false,
                [&](std::string_view key, std::string_view value) {
                  const auto parts = schema::parts(key);
                  const auto version = Version::unpack(value);
                  if (!version) {
                    found.damaged.push_back(name_of(parts) + ": its record cannot be read");
                    return true;
                  }
                  const std::string what =
                      name_of(parts) + " version " + text_of(version->facts, "Id");
                  if (!snapshot.get(bucket_key(parts.at(0))))
                    found.damaged.push_back(what + ": its bucket does not exist");
                  if (bool_of(version->facts, "Marker")) return true;
                  if (const json::value* blobs = version->facts.if_contains("Blobs"))
                    for (const json::value& one : blobs->as_array())
                      found.files.insert(text_of(one.as_object(), "Id"));
                  found.judge(what, open_version(ports, snapshot, parts, *version));
                  return true;
                });
}

// Uploads that are still open: a part's seal needs the key and context of its object.
void check_uploads(const Ports& ports, const Snapshot& snapshot, Verification& found) {
  snapshot.scan(
      schema::prefix(Family::objects, "s3.upload", {}), "", false,
      [&](std::string_view upload, std::string_view) {
        const auto names = schema::parts(upload);
        snapshot.scan(
            schema::prefix(Family::objects, "s3.part", {names.at(2)}), "", false,
            [&](std::string_view key, std::string_view value) {
              const auto part = parse_json_object(value);
              const std::string what = name_of(names) + " part " + schema::parts(key).at(1) +
                                       " of upload " + names.at(2);
              if (!part) {
                found.damaged.push_back(what + ": its record cannot be read");
                return true;
              }
              found.files.insert(text_of(*part, "Id"));
              const auto data_key =
                  ports.data_keys->unwrap(unbase64(text_of(*part, "Wrapped")).value_or(""),
                                          encryption_context(names.at(0), names.at(1)), snapshot);
              found.judge(
                  what, data_key ? open_every_seal(*ports.store,
                                                   {text_of(*part, "Id"),
                                                    static_cast<uint64_t>(int_of(*part, "Bytes"))},
                                                   *data_key)
                                 : Result<Done>(data_key.error()));
              return true;
            });
        return true;
      });
}

void check_pointers(const Snapshot& snapshot, Verification& found) {
  snapshot.scan(schema::prefix(Family::objects, "s3.current", {}), "", false,
                [&](std::string_view key, std::string_view value) {
                  const auto parts = schema::parts(key);
                  const auto current = parse_json_object(value);
                  if (!current || !snapshot.get(version_key(parts.at(0), parts.at(1),
                                                            text_of(*current, "Sort"))))
                    found.damaged.push_back(name_of(parts) + ": its newest version does not exist");
                  return true;
                });
  snapshot.scan(
      schema::prefix(Family::objects, "s3.null", {}), "", false,
      [&](std::string_view key, std::string_view sort) {
        const auto parts = schema::parts(key);
        if (!snapshot.get(version_key(parts.at(0), parts.at(1), sort)))
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
