// SPDX-License-Identifier: Apache-2.0
#include "request/gunzip.h"

#include <zlib.h>

#include <string_view>

namespace sluice {

Result<std::string> gunzip(std::string_view packed, size_t bytes_max) {
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  z_stream stream{};
  if (inflateInit2(&stream, kGzipOnly) != Z_OK)
    return Error{500, "InternalFailure", "The server has no memory for this request.", {}};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  int status = Z_OK;
  char piece[16384];
  while (status == Z_OK && out.size() <= bytes_max) {
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof piece;
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(piece, sizeof piece - stream.avail_out);
  }
  const bool whole = status == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  if (out.size() > bytes_max)
    return Error{413,
                 "RequestEntityTooLarge",
                 "The request body is larger than " + std::to_string(bytes_max) +
                     " bytes when it is unpacked.",
                 {}};
  if (!whole)
    return Error{
        400, "SerializationException", "The request body is not one whole gzip stream.", {}};
  return out;
}

}  // namespace sluice
