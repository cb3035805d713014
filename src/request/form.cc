// SPDX-License-Identifier: Apache-2.0
#include "request/form.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace sluice {
namespace {
constexpr size_t kBoundaryMax = 70;  // RFC 2046 5.1.1
constexpr size_t kStepBytes = 16 * 1024;

Error malformed() {
  return {400,
          "MalformedPOSTRequest",
          "The body of your POST request is not well-formed multipart/form-data.",
          {}};
}
Error fields_too_large() {
  return {400,
          "MaxPostPreDataLengthExceeded",
          "Your POST request fields preceding the upload file were too large.",
          {}};
}

// The value of a parameter after the first part of a header: `; name="value"` or `; name=value`.
std::string parameter(std::string_view header, std::string_view name) {
  for (size_t at = header.find(';'); at != header.npos;) {
    std::string_view rest = header.substr(at + 1);
    while (rest.starts_with(' ') || rest.starts_with('\t')) rest.remove_prefix(1);
    const size_t equals = rest.find('=');
    if (equals == rest.npos) return {};
    const bool is_it = equals_ignore_case(trim(rest.substr(0, equals)), name);
    rest.remove_prefix(equals + 1);
    size_t end = rest.starts_with('"') ? rest.find('"', 1) : rest.find(';');
    if (rest.starts_with('"')) {
      if (end == rest.npos) return {};
      if (is_it) return std::string(rest.substr(1, end - 1));
    } else if (is_it) {
      return std::string(trim(rest.substr(0, end)));
    }
    at = header.find(';', static_cast<size_t>(rest.data() - header.data()) +
                              (end == rest.npos ? rest.size() : end));
  }
  return {};
}

// Reads the parts before the file.
class FieldsReader {
 public:
  FieldsReader(BodySource& raw, std::string boundary)
      : raw_(raw), delimiter_("\r\n--" + std::move(boundary)), buffer_("\r\n") {}

  Result<std::shared_ptr<FormUpload>> read() {
    auto form = std::make_shared<FormUpload>();
    TRY(std::string before, until(delimiter_));
    if (!before.empty()) return malformed();
    for (size_t count = 0; count <= kFormFieldsMax; ++count) {
      // "--" means that the form ends without a file.
      TRY(const std::string after, until("\r\n"));
      if (after == "--")
        return Error{400,
                     "IncorrectNumberOfFilesInPostRequest",
                     "POST requires exactly one file upload per request.",
                     {}};
      if (!after.empty()) return malformed();
      TRY(const Headers part, part_head());
      const std::string disposition = part.get("content-disposition");
      const std::string name = lower(parameter(disposition, "name"));
      if (!lower(disposition).starts_with("form-data") || name.empty()) return malformed();
      if (name == "file") {
        finish(*form, parameter(disposition, "filename"));
        return form;
      }
      TRY(std::string value, until(delimiter_));
      if (form->fields.find(name)) return malformed();  // nobody knows which of the two was signed
      form->fields.add(name, std::move(value));
    }
    return fields_too_large();
  }

 private:
  Result<Headers> part_head() {
    Headers head;
    for (;;) {
      TRY(const std::string line, until("\r\n"));
      if (line.empty()) return head;
      const size_t colon = line.find(':');
      if (colon == std::string::npos) return malformed();
      head.add(lower(trim(std::string_view(line).substr(0, colon))),
               std::string(trim(std::string_view(line).substr(colon + 1))));
    }
  }
  // Takes what stands before `end`, and removes `end` too.
  Result<std::string> until(std::string_view end) {
    size_t at;
    while ((at = buffer_.find(end)) == std::string::npos) {
      if (taken_ + buffer_.size() > kFormFieldsBytesMax + kStepBytes) return fields_too_large();
      const size_t old = buffer_.size();
      buffer_.resize(old + kStepBytes);
      auto got = raw_.read(buffer_.data() + old, kStepBytes);
      buffer_.resize(old + (got ? *got : 0));
      if (!got) return std::move(got).error();
      if (!*got) return malformed();
    }
    std::string text = buffer_.substr(0, at);
    buffer_.erase(0, at + end.size());
    taken_ += at + end.size();
    if (taken_ > kFormFieldsBytesMax) return fields_too_large();
    return text;
  }
  void finish(FormUpload& form, const std::string& path) {
    // Some browsers send a path. The key gets only its last part, as on S3.
    const std::string file_name = path.substr(path.find_last_of("/\\") + 1);
    form.key = form.fields.get("key");
    constexpr std::string_view kVariable = "${filename}";
    if (const size_t at = form.key.find(kVariable); at != std::string::npos)
      form.key.replace(at, kVariable.size(), file_name);
    form.file = std::make_shared<FormFile>(raw_, std::move(buffer_), delimiter_);
  }

  BodySource& raw_;
  const std::string delimiter_;
  std::string buffer_;
  size_t taken_ = 0;
};
}  // namespace

Result<Done> FormFile::find_end() {
  while (!known_ && !ended_) {
    const size_t at = buffer_.find(delimiter_);
    if (at != std::string::npos) {
      known_ = at;
      ended_ = true;
      return Done{};
    }
    if (buffer_.size() >= delimiter_.size()) {  // the last bytes may begin a delimiter
      known_ = buffer_.size() - (delimiter_.size() - 1);
      return Done{};
    }
    const size_t old = buffer_.size();
    buffer_.resize(old + kStepBytes);
    auto got = raw_.read(buffer_.data() + old, kStepBytes);
    buffer_.resize(old + (got ? *got : 0));
    if (!got) return std::move(got).error();
    if (!*got) return malformed();
  }
  return Done{};
}

Result<size_t> FormFile::read(char* into, size_t size) {
  CHECK(find_end());
  const size_t got = std::min(size, known_);
  memcpy(into, buffer_.data(), got);
  buffer_.erase(0, got);
  known_ -= got;
  total_ += got;
  if (total_ > bytes_max_)
    return Error{400,
                 "EntityTooLarge",
                 "Your proposed upload exceeds the maximum allowed size",
                 {{"MaxSizeAllowed", std::to_string(bytes_max_)}}};
  if (!got && total_ < bytes_min_)
    return Error{
        400,
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        {{"ProposedSize", std::to_string(total_)}, {"MinSizeAllowed", std::to_string(bytes_min_)}}};
  return got;
}

bool is_form_upload(const Request& request) {
  return request.method == "POST" && request.raw_query.empty() &&
         lower(request.headers.get("content-type")).starts_with("multipart/form-data");
}

Result<std::shared_ptr<FormUpload>> open_form(const Request& request, BodySource& raw) {
  std::string boundary = parameter(request.headers.get("content-type"), "boundary");
  if (boundary.empty() || boundary.size() > kBoundaryMax) return malformed();
  return FieldsReader(raw, std::move(boundary)).read();
}

}  // namespace sluice
