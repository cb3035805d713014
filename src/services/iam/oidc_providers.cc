// SPDX-License-Identifier: Apache-2.0
#include "services/iam/oidc_providers.h"

#include <algorithm>

#include "base/bytes.h"
#include "request/audit.h"
#include "request/query_list.h"

namespace sluice::iam {
namespace {
constexpr std::string_view kScheme = "https://";
constexpr size_t kThumbprintChars = 40;

Error invalid(std::string text) { return {400, "InvalidInput", std::move(text), {}}; }
Error no_such_provider(const Scope& scope, const std::string& url) {
  return {404,
          "NoSuchEntity",
          "OpenIDConnect Provider not found for arn " + provider_arn(scope, url),
          {}};
}

// A host and a path, as a token's iss says them behind https://.
bool is_url(std::string_view url) {
  if (url.empty() || url.front() == '/') return false;
  for (const char c : url)
    if (!std::isalnum(static_cast<unsigned char>(c)) &&
        std::string_view("-._~/%").find(c) == url.npos)
      return false;
  return true;
}

Result<std::vector<std::string>> texts_of(const Request& request, std::string_view list,
                                          size_t max) {
  std::vector<std::string> out;
  TRY(const auto members, list_members(request, list, max));
  for (const ListMember& member : members) {
    const auto text = member.find("");
    if (text == member.end()) return invalid("The list " + std::string(list) + " is malformed.");
    out.push_back(text->second);
  }
  return out;
}

Result<Done> check_client_id(const std::string& id) {
  if (!id.empty() && id.size() <= kClientIdMax && is_utf8(id)) return Done{};
  return Error{400,
               "ValidationError",
               "1 validation error detected: Value at 'clientID' failed to satisfy constraint: "
               "Member must have length between 1 and 255",
               {}};
}
Result<std::vector<std::string>> thumbprints_of(const Request& request) {
  TRY(auto out, texts_of(request, "ThumbprintList", kThumbprintsMax));
  for (const std::string& one : out)
    if (one.size() != kThumbprintChars || !unhex(one))
      return invalid("A thumbprint has 40 hexadecimal digits.");
  return out;
}

Result<OidcProvider> provider_to_change(const std::string& url, Staged& staged) {
  auto provider = staged.get(oidc_provider_key(url));
  if (!provider) return no_such_provider(staged.snapshot().scope(), url);
  return *std::move(provider);
}

void write_members(XmlWriter& xml, const char* list, const std::vector<std::string>& texts) {
  xml.open(list);
  for (const std::string& one : texts) xml.element("member", one);
  xml.close(list);
}
}  // namespace

json::value shown_provider(const Request& request) {
  const json::value fields =
      shown_fields(request, {"Url", "OpenIDConnectProviderArn", "ClientID", "Marker", "MaxItems"});
  json::object shown = fields.is_object() ? fields.get_object() : json::object{};
  const auto add = [&](const char* list, const char* name, size_t max) {
    const auto given = texts_of(request, list, max);
    if (!given || given->empty()) return;
    json::array& texts = shown[name].emplace_array();
    for (const std::string& one : *given) texts.emplace_back(one);
  };
  add("ClientIDList", "clientIDList", kClientIdsMax);
  add("ThumbprintList", "thumbprintList", kThumbprintsMax);
  add("TagKeys", "tagKeys", kTagsMax);
  if (const auto tags = tags_of(request))
    for (const auto& [key, value] : *tags) {
      if (!shown.contains("tags")) shown["tags"] = json::array{};
      shown["tags"].get_array().push_back(json::object{{"key", key}, {"value", value}});
    }
  return shown.empty() ? json::value() : json::value(std::move(shown));
}

std::string provider_arn(const Scope& scope, std::string_view url) {
  return iam_arn(scope, "oidc-provider/" + std::string(url));
}

Result<std::string> provider_url_of(const Request& request) {
  constexpr std::string_view kType = "oidc-provider/";
  const std::string text = request.query_text("OpenIDConnectProviderArn");
  const auto arn = parse_arn(text);
  if (!arn || arn->service != "iam" || arn->partition != "aws" || !arn->region.empty() ||
      !arn->resource.starts_with(kType) || text.size() > 2048 ||
      !is_url(std::string_view(arn->resource).substr(kType.size())))
    return invalid("Invalid Open ID Connect Provider ARN");
  return arn->resource.substr(kType.size());
}

Need provider_need(std::string_view action, const std::string& url, const Snapshot& snapshot) {
  Need need{
      std::string(action), provider_arn(snapshot.scope(), url), {}, {}, "AWS::IAM::OIDCProvider"};
  if (const auto provider = snapshot.get(oidc_provider_key(url)))
    add_resource_tags(need.context, provider->tags);
  return need;
}

Result<CreateOpenIDConnectProvider::In> CreateOpenIDConnectProvider::parse(const Request& request) {
  In in;
  const std::string url = request.query_text("Url");
  if (!url.starts_with(kScheme) || url.size() > kProviderUrlMax ||
      !is_url(std::string_view(url).substr(kScheme.size())))
    return invalid("Invalid Open ID Connect Provider URL");
  in.url = url.substr(kScheme.size());
  TRY(in.client_ids, texts_of(request, "ClientIDList", kClientIdsMax));
  for (const std::string& id : in.client_ids) CHECK(check_client_id(id));
  TRY(in.thumbprints, thumbprints_of(request));
  const bool tagged = std::any_of(request.query.begin(), request.query.end(), [](const auto& one) {
    return one.first.starts_with("Tags.member.");
  });
  if (tagged) {
    TRY(in.tags, tags_of(request));
  }
  return in;
}
Result<std::vector<Need>> CreateOpenIDConnectProvider::needs(const In& in, const Snapshot& s) {
  Need need{std::string(action), provider_arn(s.scope(), in.url), {}, {}, "AWS::IAM::OIDCProvider"};
  add_request_tags(need.context, in.tags);
  std::vector<Need> needs{need};
  if (!in.tags.empty()) {
    need.action = "iam:TagOpenIDConnectProvider";
    need.resource_type = "";
    needs.push_back(std::move(need));
  }
  return needs;
}
Result<CreateOpenIDConnectProvider::Out> CreateOpenIDConnectProvider::run(const Authorized<In>& in,
                                                                          Staged& staged) {
  if (staged.look(oidc_provider_key(in->url)))
    return Error{409,
                 "EntityAlreadyExists",
                 "Provider with url " + std::string(kScheme) + in->url + " already exists.",
                 {}};
  size_t count = 0;
  staged.snapshot().scan(RecordPrefix<OidcProvider>{}, "", false,
                         [&](std::string_view, const OidcProvider&) {
                           ++count;
                           return true;
                         });
  if (count >= kProvidersMax)
    return Error{409,
                 "LimitExceeded",
                 "Cannot exceed quota for OpenIdConnectProvidersPerAccount: " +
                     std::to_string(kProvidersMax),
                 {}};
  staged.put(oidc_provider_key(in->url), OidcProvider{.url = in->url,
                                                      .client_ids = in->client_ids,
                                                      .thumbprints = in->thumbprints,
                                                      .created = in.time(),
                                                      .tags = in->tags});
  return Out{provider_arn(staged.snapshot().scope(), in->url), in->tags};
}
Response CreateOpenIDConnectProvider::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.element("OpenIDConnectProviderArn", out.arn);
  if (!out.tags.empty()) write_tags(xml, out.tags);
  return xml_answer(std::move(xml));
}
json::value CreateOpenIDConnectProvider::audit_result(const Out& out) {
  json::object shown{{"openIDConnectProviderArn", out.arn}};
  for (const auto& [key, value] : out.tags) {
    if (!shown.contains("tags")) shown["tags"] = json::array{};
    shown["tags"].get_array().push_back(json::object{{"key", key}, {"value", value}});
  }
  return shown;
}

Result<ProviderIn> GetOpenIDConnectProvider::parse(const Request& request) {
  ProviderIn in;
  TRY(in.url, provider_url_of(request));
  return in;
}
Result<ProviderOut> GetOpenIDConnectProvider::run(const Authorized<In>& in,
                                                  const Snapshot& snapshot) {
  const auto provider = snapshot.get(oidc_provider_key(in->url));
  if (!provider) return no_such_provider(snapshot.scope(), in->url);
  return ProviderOut{*provider};
}
Response GetOpenIDConnectProvider::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.element("Url", out.provider.url);
  write_members(xml, "ClientIDList", out.provider.client_ids);
  write_members(xml, "ThumbprintList", out.provider.thumbprints);
  xml.element("CreateDate", iso_seconds(out.provider.created));
  if (!out.provider.tags.empty()) write_tags(xml, out.provider.tags);
  return xml_answer(std::move(xml));
}

Result<ListOpenIDConnectProviders::Out> ListOpenIDConnectProviders::run(const Authorized<In>&,
                                                                        const Snapshot& snapshot) {
  Out out;
  snapshot.scan(RecordPrefix<OidcProvider>{}, "", false,
                [&](std::string_view, const OidcProvider& provider) {
                  out.arns.push_back(provider_arn(snapshot.scope(), provider.url));
                  return true;
                });
  return out;
}
Response ListOpenIDConnectProviders::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  xml.open("OpenIDConnectProviderList");
  for (const std::string& arn : out.arns) xml.open("member").element("Arn", arn).close("member");
  xml.close("OpenIDConnectProviderList");
  return xml_answer(std::move(xml));
}

Result<Nothing> DeleteOpenIDConnectProvider::run(const Authorized<In>& in, Staged& staged) {
  if (staged.look(oidc_provider_key(in->url))) staged.erase(oidc_provider_key(in->url));
  return Nothing{};
}

Result<ThumbprintsIn> UpdateOpenIDConnectProviderThumbprint::parse(const Request& request) {
  ThumbprintsIn in;
  TRY(in.url, provider_url_of(request));
  TRY(in.thumbprints, thumbprints_of(request));
  return in;
}
Result<Nothing> UpdateOpenIDConnectProviderThumbprint::run(const Authorized<In>& in,
                                                           Staged& staged) {
  TRY(OidcProvider provider, provider_to_change(in->url, staged));
  provider.thumbprints = in->thumbprints;
  staged.put(oidc_provider_key(in->url), provider);
  return Nothing{};
}

Result<ClientIdIn> AddClientIDToOpenIDConnectProvider::parse(const Request& request) {
  ClientIdIn in;
  TRY(in.url, provider_url_of(request));
  in.client_id = request.query_text("ClientID");
  CHECK(check_client_id(in.client_id));
  return in;
}
Result<Nothing> AddClientIDToOpenIDConnectProvider::run(const Authorized<In>& in, Staged& staged) {
  TRY(OidcProvider provider, provider_to_change(in->url, staged));
  std::vector<std::string>& ids = provider.client_ids;
  if (std::find(ids.begin(), ids.end(), in->client_id) != ids.end()) return Nothing{};
  if (ids.size() >= kClientIdsMax)
    return Error{
        409, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", {}};
  ids.push_back(in->client_id);
  staged.put(oidc_provider_key(in->url), provider);
  return Nothing{};
}
Result<Nothing> RemoveClientIDFromOpenIDConnectProvider::run(const Authorized<In>& in,
                                                             Staged& staged) {
  TRY(OidcProvider provider, provider_to_change(in->url, staged));
  std::erase(provider.client_ids, in->client_id);
  staged.put(oidc_provider_key(in->url), provider);
  return Nothing{};
}

Result<TagProviderIn> TagOpenIDConnectProvider::parse(const Request& request) {
  TagProviderIn in;
  TRY(in.url, provider_url_of(request));
  TRY(in.tags, tags_of(request));
  return in;
}
Result<std::vector<Need>> TagOpenIDConnectProvider::needs(const In& in, const Snapshot& s) {
  Need need = provider_need(action, in.url, s);
  add_request_tags(need.context, in.tags);
  return std::vector<Need>{std::move(need)};
}
Result<Nothing> TagOpenIDConnectProvider::run(const Authorized<In>& in, Staged& staged) {
  TRY(OidcProvider provider, provider_to_change(in->url, staged));
  CHECK(put_tags(provider.tags, in->tags, "OpenIdConnectProvider"));
  staged.put(oidc_provider_key(in->url), provider);
  return Nothing{};
}

Result<UntagProviderIn> UntagOpenIDConnectProvider::parse(const Request& request) {
  UntagProviderIn in;
  TRY(in.url, provider_url_of(request));
  TRY(in.keys, tag_keys_of(request));
  return in;
}
Result<std::vector<Need>> UntagOpenIDConnectProvider::needs(const In& in, const Snapshot& s) {
  Need need = provider_need(action, in.url, s);
  add_tag_keys(need.context, in.keys);
  return std::vector<Need>{std::move(need)};
}
Result<Nothing> UntagOpenIDConnectProvider::run(const Authorized<In>& in, Staged& staged) {
  TRY(OidcProvider provider, provider_to_change(in->url, staged));
  take_tags(provider.tags, in->keys);
  staged.put(oidc_provider_key(in->url), provider);
  return Nothing{};
}

Result<ProviderTagsIn> ListOpenIDConnectProviderTags::parse(const Request& request) {
  ProviderTagsIn in;
  TRY(in.url, provider_url_of(request));
  TRY(in.page, page_of(request));
  return in;
}
Result<ListOpenIDConnectProviderTags::Out> ListOpenIDConnectProviderTags::run(
    const Authorized<In>& in, const Snapshot& snapshot) {
  const auto provider = snapshot.get(oidc_provider_key(in->url));
  if (!provider) return no_such_provider(snapshot.scope(), in->url);
  Out out;
  for (auto tag = provider->tags.upper_bound(in->page.marker); tag != provider->tags.end(); ++tag) {
    if (out.tags.size() == in->page.max) {
      out.next = out.tags.rbegin()->first;
      break;
    }
    out.tags.insert(*tag);
  }
  return out;
}
Response ListOpenIDConnectProviderTags::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  write_tags(xml, out.tags);
  end_page(xml, out.next);
  return xml_answer(std::move(xml));
}

}  // namespace sluice::iam
