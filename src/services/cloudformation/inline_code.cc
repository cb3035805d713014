// SPDX-License-Identifier: Apache-2.0
#include "services/cloudformation/inline_code.h"

#include <zip.h>

#include <memory>

#include "base/bytes.h"

namespace sluice::cloudformation {
namespace {
// Always the same, so that the same text is the same package: 1980-01-01, where DOS began.
constexpr uint16_t kDosTime = 0, kDosDate = 0x21;

// A zip of this one file; nullopt: there is no memory for it.
std::optional<std::string> zip_of(const char* name, const std::string& text) {
  zip_source_t* package = zip_source_buffer_create(nullptr, 0, 0, nullptr);
  if (!package) return std::nullopt;
  const std::unique_ptr<zip_source_t, void (*)(zip_source_t*)> kept(package, zip_source_free);
  zip_source_keep(package);  // closing the archive gives one of the two away
  zip_t* archive = zip_open_from_source(package, ZIP_TRUNCATE, nullptr);
  if (!archive) {
    zip_source_free(package);
    return std::nullopt;
  }
  zip_source_t* file = zip_source_buffer(archive, text.data(), text.size(), 0);
  const zip_int64_t at = file ? zip_file_add(archive, name, file, ZIP_FL_ENC_UTF_8) : -1;
  if (file && at < 0) zip_source_free(file);
  const auto index = static_cast<zip_uint64_t>(at);
  if (at < 0 || zip_file_set_dostime(archive, index, kDosTime, kDosDate, 0) != 0 ||
      zip_file_set_external_attributes(archive, index, 0, ZIP_OPSYS_UNIX, 0100644u << 16) != 0 ||
      zip_close(archive) != 0) {
    zip_discard(archive);
    return std::nullopt;
  }
  zip_stat_t about;
  if (zip_source_stat(package, &about) != 0 || zip_source_open(package) != 0) return std::nullopt;
  std::string bytes(about.size, '\0');
  const zip_int64_t got = zip_source_read(package, bytes.data(), bytes.size());
  zip_source_close(package);
  if (got != static_cast<zip_int64_t>(bytes.size())) return std::nullopt;
  return bytes;
}
}  // namespace

Result<json::object> code_of(const json::object& function) {
  json::object code = function.at("Code").as_object();
  const json::value* text = code.if_contains("ZipFile");
  if (!text) return code;
  if (code.size() != 1) return validation("Code has either ZipFile or an object of S3, not both.");
  const std::string runtime = text_of(function, "Runtime");
  const bool python = runtime.starts_with("python");
  if (!python && !runtime.starts_with("nodejs"))
    return validation("ZipFile can only be used when Runtime is set to one of nodejs and python.");
  const auto zip = zip_of(python ? "index.py" : "index.js", std::string(text->as_string()));
  if (!zip) return Error{500, "InternalFailure", "The text of Code.ZipFile was not packed.", {}};
  code["ZipFile"] = base64(*zip);
  return code;
}

}  // namespace sluice::cloudformation
