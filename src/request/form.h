// SPDX-License-Identifier: Apache-2.0
#pragma once
// Uploads from an HTML form: POST /BUCKET with multipart/form-data. The fields of the form are the
// request, and its signed policy says what they may be. Sources: S3 API Reference, "POST Object"
// and "Creating a POST policy" (Signature Version 4); RFC 7578.
//
//   if (is_form_upload(request)) TRY(request.form, open_form(request, raw));
//   CHECK(check_form_policy(*request.form, bucket, request.time));
//   TRY(const size_t bytes, request.form->file->read(buffer, sizeof buffer));
//
// Limits: 20 KiB and 100 fields before the file; a boundary of 70 characters. Errors:
// MalformedPOSTRequest, MaxPostPreDataLengthExceeded, IncorrectNumberOfFilesInPostRequest,
// InvalidPolicyDocument, AccessDenied, EntityTooLarge, EntityTooSmall.
#include <limits>
#include <memory>
#include <string>

#include "request/message.h"

namespace sluice {

constexpr size_t kFormFieldsBytesMax = 20 * 1024, kFormFieldsMax = 100;

// The bytes of the file, up to the boundary that ends them.
class FormFile : public BodySource {
 public:
  FormFile(BodySource& raw, std::string buffered, std::string delimiter)
      : raw_(raw), buffer_(std::move(buffered)), delimiter_(std::move(delimiter)) {}
  Result<size_t> read(char* into, size_t size) override;
  // Sets what the policy's content-length-range allows. read() fails when the file is outside of
  // it.
  void allow(uint64_t bytes_min, uint64_t bytes_max) {
    bytes_min_ = bytes_min;
    bytes_max_ = bytes_max;
  }

 private:
  // Reads on until it knows some bytes of the file, or its end.
  Result<Done> find_end();

  BodySource& raw_;
  std::string buffer_;
  const std::string delimiter_;  // CR LF "--" boundary
  size_t known_ = 0;             // so many bytes at the buffer's front belong to the file
  bool ended_ = false;           // the delimiter stands after them
  uint64_t total_ = 0, bytes_min_ = 0, bytes_max_ = std::numeric_limits<uint64_t>::max();
};

struct FormUpload {
  Headers fields;   // all fields that stood before the file; names in lower case
  std::string key;  // of the object; ${filename} is replaced
  std::shared_ptr<FormFile> file;
};

bool is_form_upload(const Request& request);
// Reads all that stands before the first byte of the file.
Result<std::shared_ptr<FormUpload>> open_form(const Request& request, BodySource& raw);
// Checks the fields against the conditions of the policy, and lets the file be as long as its
// content-length-range says. The signature of the policy was verified before (sigv4::verify_form).
Result<Done> check_form_policy(FormUpload& form, const std::string& bucket, Time now);

}  // namespace sluice
