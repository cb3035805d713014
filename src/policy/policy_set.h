// SPDX-License-Identifier: Apache-2.0
#pragma once
// The policies that bear on one decision, and a policy as a record keeps it.
//
//   struct Bucket {
//     policy::Stored<policy::Kind::resource> policy;  // a member: on disk it is its text
//   };
//   question.policies.resource = bucket->policy.on("arn:aws:s3:::readings");
#include <mutex>

#include "policy/document.h"

namespace sluice::policy {

// A policy where it bears: on the role that asks, or on what is asked for.
struct Attached {
  Kind kind = Kind::identity;
  // Of a role's own policy its name; of a managed policy its ARN; of any other its resource's ARN.
  std::string name;
  DocumentPtr document;  // nullptr: it does not parse, which denies
};
// A grant of a KMS key that covers what is asked: its operations have the action, and its
// constraints hold. It allows the call beside the key's policy, to its principal alone.
struct Grant {
  std::string id;
  std::string principal;  // as in a policy, under "AWS"
};
struct PolicySet {
  std::vector<Attached> identity;  // of the role
  std::vector<Attached> resource;  // bucket, function, key and trust policies
  // The permissions boundary of the role, and what the session was given when its role was assumed.
  // Neither gives anything; what none of these allows may not be done. nullopt: there is none.
  std::optional<std::vector<Attached>> boundary, session;
  std::vector<Grant> grants = {};  // of the key
};

// A policy's text, and its document: parsed when it is first asked for, once for all copies.
template <Kind kind>
class Stored {
 public:
  Stored() = default;  // there is no policy
  Stored(std::string text)
      : kept_(text.empty() ? nullptr : std::make_shared<Kept>(std::move(text))) {}
  bool empty() const { return !kept_; }
  const std::string& text() const {
    static const std::string none;
    return kept_ ? kept_->text : none;
  }
  // nullptr: it does not parse, or there is none.
  DocumentPtr document() const {
    if (!kept_) return nullptr;
    std::call_once(kept_->once, [&] {
      if (auto parsed = parse(kept_->text, kind)) kept_->document = *std::move(parsed);
    });
    return kept_->document;
  }
  // What bears on a decision about a resource: nothing, when there is no policy.
  std::vector<Attached> on(std::string resource) const {
    if (!kept_) return {};
    return {{kind, std::move(resource), document()}};
  }
  bool operator==(const Stored& other) const { return text() == other.text(); }

 private:
  struct Kept {
    explicit Kept(std::string of) : text(std::move(of)) {}
    const std::string text;
    std::once_flag once;
    DocumentPtr document;  // made once
  };
  std::shared_ptr<Kept> kept_;
};

}  // namespace sluice::policy
