// SPDX-License-Identifier: Apache-2.0
// For `sluice verify`: that what roles and managed policies say of each other is true.
#include <algorithm>

#include "services/iam/managed.h"

namespace sluice::iam {

void verify(const Ports& ports, Verification& found) {
  const Snapshot snapshot = ports.store->snapshot();
  snapshot.scan(RecordPrefix<ManagedPolicy>{}, "", false,
                [&](std::string_view, const ManagedPolicy& policy) {
                  if (!policy.version(policy.default_version))
                    found.damaged.push_back("policy " + policy.arn + ": it has no default version");
                  return true;
                });
  snapshot.scan(RecordPrefix<Role>{}, "", false, [&](std::string_view, const Role& role) {
    for (const std::string& arn : role.attached)
      if (!find_policy(snapshot, arn) || !snapshot.get(attachment_key(arn, role.name)))
        found.damaged.push_back("role " + role.name + ": its policy " + arn + " is gone");
    if (!role.boundary.empty() && (!find_policy(snapshot, role.boundary) ||
                                   !snapshot.get(boundary_key(role.boundary, role.name))))
      found.damaged.push_back("role " + role.name + ": its permissions boundary " + role.boundary +
                              " is gone");
    return true;
  });
  snapshot.scan(schema::prefix(Family::meta, "iam.attachment", {}), "", false,
                [&](std::string_view key, std::string_view) {
                  const std::vector<std::string> parts = schema::parts(key);
                  const auto role = snapshot.get(role_key(parts.at(1)));
                  if (!role || std::find(role->attached.begin(), role->attached.end(),
                                         parts.at(0)) == role->attached.end())
                    found.damaged.push_back("policy " + parts.at(0) + ": the role " + parts.at(1) +
                                            " does not have it");
                  return true;
                });
  snapshot.scan(schema::prefix(Family::meta, "iam.boundary", {}), "", false,
                [&](std::string_view key, std::string_view) {
                  const std::vector<std::string> parts = schema::parts(key);
                  const auto role = snapshot.get(role_key(parts.at(1)));
                  if (!role || role->boundary != parts.at(0))
                    found.damaged.push_back("policy " + parts.at(0) + ": it is not the boundary " +
                                            "of the role " + parts.at(1));
                  return true;
                });
}

}  // namespace sluice::iam
