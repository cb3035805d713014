// SPDX-License-Identifier: Apache-2.0
#include "store/documents.h"

namespace sluice {

std::shared_ptr<const Documents::Document> Documents::find(uint64_t version,
                                                           const std::string& key) const {
  const std::shared_lock lock(mutex_);
  if (!version || version != version_) return nullptr;
  const auto found = known_.find(key);
  return found == known_.end() ? nullptr : found->second;
}

void Documents::keep(uint64_t version, const std::string& key,
                     std::shared_ptr<const Document> document) {
  const size_t bytes = document->text ? document->text->size() : 0;
  if (bytes > kDocumentBytesMax) return;
  const std::lock_guard lock(mutex_);
  if (version < version_) return;  // of an older view, or (0) of none that can be told from others
  if (version > version_ || known_.size() >= kEntriesMax || bytes_ + bytes > kBytesMax) {
    known_.clear();
    bytes_ = 0;
  }
  version_ = version;
  bytes_ += bytes;
  known_[key] = std::move(document);
}

}  // namespace sluice
