// SPDX-License-Identifier: Apache-2.0
#pragma once
// Uploads from an HTML form: POST /BUCKET with multipart/form-data, whose fields are the request
// and whose signed policy says what they may be. Sources: S3 API Reference, "POST Object" and
// "Creating a POST policy" (Signature Version 4); RFC 7578. Limits: 20 KiB and 100 fields before
// the file; a boundary of 70 characters. Errors: MalformedPOSTRequest,
// MaxPostPreDataLengthExceeded, IncorrectNumberOfFilesInPostRequest, InvalidPolicyDocument,
// AccessDenied, EntityTooLarge, EntityTooSmall.
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
  // What the policy's content-length-range allows: outside of it read() fails.
  void allow(uint64_t bytes_min, uint64_t bytes_max) {
    bytes_min_ = bytes_min;
    bytes_max_ = bytes_max;
  }

 private:
  Result<Done> find_end();  // reads on until some bytes of the file, or its end, are known

  BodySource& raw_;
  std::string buffer_;
  const std::string delimiter_;  // CR LF "--" boundary
  size_t known_ = 0;             // bytes at the buffer's front that belong to the file
  bool ended_ = false;           // the delimiter stands behind them
  uint64_t total_ = 0, bytes_min_ = 0, bytes_max_ = std::numeric_limits<uint64_t>::max();
};

struct FormUpload {
  Headers fields;   // all that stood before the file; names in lower case
  std::string key;  // of the object: ${filename} is put in
  std::shared_ptr<FormFile> file;
};

bool is_form_upload(const Request& request);
// Reads up to the file's first byte.
Result<std::shared_ptr<FormUpload>> open_form(const Request& request, BodySource& raw);
// Holds the policy's conditions against the fields, and bounds the file by its
// content-length-range. The policy's signature was verified before (sigv4::verify_form).
Result<Done> check_form_policy(FormUpload& form, const std::string& bucket, Time now);

}  // namespace sluice
