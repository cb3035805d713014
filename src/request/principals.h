// SPDX-License-Identifier: Apache-2.0
#pragma once
// Roles that a stored policy names are pinned to their unique id, as on AWS. So a role that is
// deleted and made again under the old name does not get what the first one was granted. Source:
// IAM User Guide, "AWS JSON policy elements: Principal".
//
//   TRY(bucket.policy, pin_principals(text, *ports.identities, snapshot));
//   return show_principals(bucket.policy, *ports.identities, snapshot);
#include "request/ports.h"

namespace sluice {

// The document to be stored: each ARN of a role in a Principal is replaced by the id of the role.
// `text` has passed policy::parse. Errors: MalformedPolicyDocument 400 "Invalid principal in
// policy" for a role, user or service that does not exist.
Result<std::string> pin_principals(const std::string& text, const Identities& identities,
                                   const Snapshot& snapshot);
// The stored document as a client sees it: each id is replaced by the ARN again. It stays when its
// role no longer exists.
std::string show_principals(const std::string& text, const Identities& identities,
                            const Snapshot& snapshot);
// The same of one principal: its name as it stands in a document under `type`, "AWS" or "Service".
Result<std::string> pin_principal(std::string_view type, std::string name,
                                  const Identities& identities, const Snapshot& snapshot);
std::string show_principal(const std::string& name, const Identities& identities,
                           const Snapshot& snapshot);

}  // namespace sluice
