// SPDX-License-Identifier: Apache-2.0
#pragma once
// gzip (RFC 1952), by zlib.
//
//   const std::string packed = gzip(text);
//   Inflater inflater([&](std::string_view bytes) { return splitter.write(bytes); });
//   CHECK(inflater.write(packed));
//   CHECK(inflater.finish());
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice {

// "" when there is no memory for it.
std::string gzip(std::string_view text);

// Makes plain bytes of gzip bytes, and leaves plain ones as they are. Errors: 400 MalformedGzip.
class Inflater {
 public:
  using Take = std::function<Result<Done>(std::string_view)>;
  explicit Inflater(Take take);
  ~Inflater();
  Result<Done> write(std::string_view bytes);
  Result<Done> finish();

 private:
  struct State;
  Result<Done> inflate_some(std::string_view bytes);
  Take take_;
  std::string head_;  // the first bytes, until it is clear whether they are gzip
  std::unique_ptr<State> state_;
  bool plain_ = false;
};

}  // namespace sluice
