// SPDX-License-Identifier: Apache-2.0
#include "services/iam/role_tags.h"

namespace sluice::iam {

Result<RoleIn> TagRole::parse(const Request& request) {
  TRY(RoleIn in, GetRole::parse(request));
  TRY(in.tags, tags_of(request));
  return in;
}
Result<std::vector<Need>> TagRole::needs(const In& in, const Snapshot& s) {
  Need need = role_need(action, in.name, s);
  add_request_tags(need.context, in.tags);
  return std::vector<Need>{std::move(need)};
}
Result<Nothing> TagRole::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->name));
  auto role = staged.get(role_key(in->name));
  if (!role) return no_such_role(in->name);
  CHECK(put_tags(role->tags, in->tags, "Role"));
  staged.put(role_key(in->name), *role);
  return Nothing{};
}

Result<UntagRole::In> UntagRole::parse(const Request& request) {
  In in;
  TRY(in.role, role_name_of(request));
  TRY(in.keys, tag_keys_of(request));
  return in;
}
Result<std::vector<Need>> UntagRole::needs(const In& in, const Snapshot& s) {
  Need need = role_need(action, in.role, s);
  add_tag_keys(need.context, in.keys);
  return std::vector<Need>{std::move(need)};
}
Result<Nothing> UntagRole::run(const Authorized<In>& in, Staged& staged) {
  CHECK(may_change(in->role));
  auto role = staged.get(role_key(in->role));
  if (!role) return no_such_role(in->role);
  take_tags(role->tags, in->keys);
  staged.put(role_key(in->role), *role);
  return Nothing{};
}

Result<ListRoleTags::In> ListRoleTags::parse(const Request& request) {
  In in;
  TRY(in.role, role_name_of(request));
  TRY(in.page, page_of(request));
  return in;
}
Result<ListRoleTags::Out> ListRoleTags::run(const Authorized<In>& in, const Snapshot& snapshot) {
  const auto role = snapshot.get(role_key(in->role));
  if (!role) return no_such_role(in->role);
  Out out;
  out.next = page_of_tags(role->tags, in->page.marker, in->page.max, out.tags);
  return out;
}
Response ListRoleTags::render(const Out& out) {
  XmlWriter xml{XmlWriter::Fragment{}};
  write_tags(xml, out.tags);
  end_page(xml, out.next);
  return {200, {}, xml.take(), nullptr, 0};
}

}  // namespace sluice::iam
