// SPDX-License-Identifier: Apache-2.0
#include "base/gzip.h"

#include <zlib.h>

#include <vector>

namespace sluice {

std::string gzip(std::string_view text) {
  z_stream stream{};
  std::string out;
  if (deflateInit2(&stream, 4, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return out;
  out.resize(deflateBound(&stream, text.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

struct Inflater::State {
  z_stream stream{};
  bool between_members = false;
  std::vector<char> out = std::vector<char>(1 << 16);
  State() { inflateInit2(&stream, 16 + MAX_WBITS); }
  ~State() { inflateEnd(&stream); }
};
Inflater::Inflater(Take take) : take_(std::move(take)) {}
Inflater::~Inflater() = default;

Result<Done> Inflater::inflate_some(std::string_view bytes) {
  z_stream& z = state_->stream;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  for (;;) {
    if (state_->between_members) {
      if (z.avail_in == 0) return Done{};
      inflateReset(&z);
      state_->between_members = false;
    }
    z.next_out = reinterpret_cast<Bytef*>(state_->out.data());
    z.avail_out = static_cast<uInt>(state_->out.size());
    const int status = inflate(&z, Z_NO_FLUSH);
    const size_t got = state_->out.size() - z.avail_out;
    if (got) CHECK(take_({state_->out.data(), got}));
    if (status == Z_STREAM_END) {
      state_->between_members = true;
      continue;
    }
    if (status != Z_OK && status != Z_BUF_ERROR)
      return Error{400, "MalformedGzip", "the gzip data is damaged", {}};
    if (z.avail_in == 0 && got < state_->out.size()) return Done{};
  }
}

Result<Done> Inflater::write(std::string_view bytes) {
  if (plain_) return take_(bytes);
  if (state_) return inflate_some(bytes);
  head_ += bytes;
  if (head_.size() < 2) return Done{};
  if (head_[0] == '\x1f' && head_[1] == '\x8b') {
    state_ = std::make_unique<State>();
    return inflate_some(head_);
  }
  plain_ = true;
  return take_(head_);
}
Result<Done> Inflater::finish() {
  if (!plain_ && !state_) return take_(head_);
  if (state_ && !state_->between_members)
    return Error{400, "MalformedGzip", "the gzip data ends early", {}};
  return Done{};
}

}  // namespace sluice
