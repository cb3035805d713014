// SPDX-License-Identifier: Apache-2.0
#pragma once
// Roles named in stored policies are pinned to their unique id, as on AWS: a role deleted and made
// anew under the old name does not inherit what its predecessor was granted. Source: IAM User
// Guide, "AWS JSON policy elements: Principal".
#include "request/ports.h"

namespace sluice {

// The document with every role ARN of a Principal replaced by the role's id, to be stored. `text`
// has passed policy::parse. Errors: MalformedPolicyDocument 400 "Invalid principal in policy" for a
// role, user or service that does not exist.
Result<std::string> pin_principals(const std::string& text, const Identities& identities,
                                   const Snapshot& snapshot);
// The stored document as a client reads it: ids as ARNs again; the id itself where its role is
// gone.
std::string show_principals(const std::string& text, const Identities& identities,
                            const Snapshot& snapshot);

}  // namespace sluice
