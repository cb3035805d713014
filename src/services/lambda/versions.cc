// SPDX-License-Identifier: Apache-2.0
#include "services/lambda/versions.h"

#include "base/random.h"
#include "services/lambda/functions.h"
#include "services/lambda/layers.h"

namespace sluice::lambda {
namespace {
// What a version has, without what is its own: number, description, revision and time.
Function substance(Function function) {
  for (std::string Function::* own : {&Function::version, &Function::description,
                                      &Function::revision, &Function::blob, &Function::wrapped})
    (function.*own).clear();
  function.modified = 0;
  function.reserved.reset();
  function.tags.clear();
  function.unknown.clear();
  return function;
}

// The version that was published last, when $LATEST is still the same.
std::optional<Version> unchanged(Staged& staged, const Function& latest, const Qualifiers& known) {
  if (known.last == 0 || known.described != latest.description) return std::nullopt;
  auto version = staged.get(version_key(latest.name, std::to_string(known.last)));
  if (!version || substance(*version) != substance(latest)) return std::nullopt;
  return version;
}

// Whether a version of the function other than `except` has this file. Only who has read
// Qualifiers may ask.
bool a_version_has(Staged& staged, const std::string& function, const std::string& blob,
                   std::string_view except = {}) {
  bool found = false;
  staged.snapshot().scan(RecordPrefix<Version>{function}, "", false,
                         [&](std::string_view, const Version& version) {
                           found = version.blob == blob && version.version != except;
                           return !found;
                         });
  return found;
}

void erase_settings(Staged& staged, const std::string& qualified) {
  staged.erase(policy_key(qualified));
  staged.erase(event_config_key(qualified));
}

std::string aliases_of(const Snapshot& snapshot, const FunctionName& version) {
  std::string names;
  snapshot.scan(
      RecordPrefix<Alias>{version.name}, "", false, [&](std::string_view, const Alias& alias) {
        if (alias.version == version.qualifier || alias.weights.contains(version.qualifier))
          names += (names.empty() ? "" : ", ") + alias.name;
        return true;
      });
  return names;
}
}  // namespace

Result<Done> count_qualifier(Staged& staged, const std::string& function, int64_t change) {
  Qualifiers known = staged.get(qualifiers_key(function)).value_or(Qualifiers{});
  if (change > 0 && known.held >= kQualifiersMax)
    return Error{400,
                 "CodeStorageExceededException",
                 "A function has at most " + std::to_string(kQualifiersMax) +
                     " versions and aliases here; delete some that are not needed.",
                 {}};
  known.held += change;
  staged.put(qualifiers_key(function), known);
  return Done{};
}

Result<Version> publish_version(Staged& staged, const Function& function, Time time,
                                const std::optional<std::string>& description) {
  const auto known = staged.get(qualifiers_key(function.name)).value_or(Qualifiers{});
  if (auto same = unchanged(staged, function, known)) return *std::move(same);
  CHECK(count_qualifier(staged, function.name, 1));
  Qualifiers counted = staged.get(qualifiers_key(function.name)).value_or(Qualifiers{});
  counted.last = known.last + 1;
  counted.described = function.description;
  staged.put(qualifiers_key(function.name), counted);
  Version version{function};
  version.version = std::to_string(counted.last);
  if (description && !description->empty()) version.description = *description;
  version.modified = time;
  version.revision = random_uuid();
  version.reserved.reset();
  version.tags.clear();
  CHECK(hold_layers(staged, version.layers, {}, LayerUse::kept));
  staged.put(version_key(version.name, version.version), version);
  return version;
}

void release_code(Staged& staged, const Function& before, const Function& after) {
  staged.get(qualifiers_key(before.name));
  if (before.blob != after.blob && !before.blob.empty() &&
      !a_version_has(staged, before.name, before.blob))
    staged.release(before.code());
}

Result<JsonOut> delete_version(const FunctionName& in, Staged& staged) {
  const auto latest = staged.get(function_key(in.name));
  if (!latest) return not_found(staged.snapshot().scope(), in.name);
  const auto version = staged.get(version_key(in.name, in.qualifier));
  if (!version) return JsonOut{204, {}};  // as on AWS
  CHECK(count_qualifier(staged, in.name, -1));
  if (const std::string names = aliases_of(staged.snapshot(), in); !names.empty())
    return Error{
        409,
        "ResourceConflictException",
        "Unable to delete version because the following aliases reference it: [" + names + "]",
        {}};
  if (version->blob != latest->blob && !a_version_has(staged, in.name, version->blob, in.qualifier))
    staged.release(version->code());
  CHECK(let_layers_go(staged, version->layers));
  erase_settings(staged, in.qualified());
  staged.erase(version_key(in.name, in.qualifier));
  return JsonOut{204, {}};
}

Result<JsonOut> delete_function(const FunctionName& in, Staged& staged) {
  const std::string& name = in.name;
  const auto latest = staged.get(function_key(name));
  if (!latest) return not_found(staged.snapshot().scope(), name);
  std::map<std::string, BlobRef> files{{latest->blob, latest->code()}};
  std::vector<std::string> layers = latest->layers;
  const auto known = staged.get(qualifiers_key(name));
  const Snapshot& snapshot = staged.snapshot();
  snapshot.scan(RecordPrefix<Version>{name}, "", false,
                [&](std::string_view, const Version& version) {
                  files.emplace(version.blob, version.code());
                  layers.insert(layers.end(), version.layers.begin(), version.layers.end());
                  erase_settings(staged, name + ":" + version.version);
                  staged.erase(version_key(name, version.version));
                  return true;
                });
  snapshot.scan(RecordPrefix<Alias>{name}, "", false, [&](std::string_view, const Alias& alias) {
    erase_settings(staged, name + ":" + alias.name);
    staged.erase(alias_key(name, alias.name));
    return true;
  });
  if (known && known->held) CHECK(count_qualifier(staged, name, -known->held));
  for (const auto& [blob, ref] : files) staged.release(ref);
  CHECK(let_layers_go(staged, layers));
  erase_settings(staged, name);
  staged.erase(function_key(name));
  return JsonOut{204, {}};
}

Result<JsonOut> PublishVersion::run(const Authorized<In>& in, Staged& staged) {
  TRY(const Function latest, tracked_function(staged, *in));
  CHECK(check_revision(in->body, latest.revision));
  TRY(const auto description, Fields(in->body).text("Description"));
  if (description && description->size() > 256)
    return invalid("Description must be at most 256 characters.");
  if (const std::string wanted = text_of(in->body, "CodeSha256");
      !wanted.empty() && wanted != latest.code_sha256)
    return invalid("CodeSHA256 (" + wanted.substr(0, 64) +
                   ") is different from current CodeSHA256 in $LATEST (" + latest.code_sha256 +
                   "). Please try again with the CodeSHA256 in $LATEST.");
  TRY(const Version version, publish_version(staged, latest, in.time(), description));
  return JsonOut{201, shown_function(version, staged.snapshot(), version.version)};
}

Result<ListVersionsByFunction::In> ListVersionsByFunction::parse(const Request& request) {
  TRY(NameIn function, parse_name_in(request));
  CHECK(check_whole(function));
  TRY(PageIn page, parse_page(request));
  if (!page.marker.empty() && page.marker != "$LATEST" && !is_number(page.marker))
    return invalid("Invalid marker.");
  return In{std::move(function), std::move(page)};
}
// $LATEST comes first. The marker is the version that was listed last.
Result<JsonOut> ListVersionsByFunction::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const auto latest = snapshot.get(function_key(in->name));
  if (!latest) return not_found(snapshot.scope(), in->name);
  const auto& [marker, max] = in->page;
  json::array versions;
  if (marker.empty()) versions.push_back(shown_function(*latest, snapshot, "$LATEST"));
  std::string last = "$LATEST", next;
  snapshot.scan(RecordPrefix<Version>{in->name},
                is_number(marker) ? version_key(in->name, marker).bytes : "", false,
                [&, &after = marker, &most = max](std::string_view, const Version& version) {
                  if (version.version == after) return true;
                  if (versions.size() == static_cast<size_t>(most)) {
                    next = last;
                    return false;
                  }
                  versions.push_back(shown_function(version, snapshot, version.version));
                  last = version.version;
                  return true;
                });
  JsonOut out{200, {{"Versions", std::move(versions)}}};
  if (!next.empty()) out.body["NextMarker"] = next;
  return out;
}

}  // namespace sluice::lambda
