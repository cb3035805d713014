// SPDX-License-Identifier: Apache-2.0
#include "services/s3/post_object.h"

#include "base/bytes.h"
#include "request/form.h"
#include "services/s3/tagging.h"

namespace sluice::s3 {
namespace {
// Whether a field is about the form and not about the object.
bool is_about_form(std::string_view name) {
  for (const char* one : {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature",
                          "x-amz-security-token", "tagging", "acl"})
    if (name == one) return true;
  return false;
}

// The tags of a form, which are a document, as the header x-amz-tagging has them.
Result<std::string> tag_header(const std::string& document) {
  TRY(const auto xml, parse_xml(document));
  std::string header;
  for (const auto& tag : xml->child("Tagging").child("TagSet").children("Tag"))
    header += (header.empty() ? "" : "&") + percent_encode(tag.child_value("Key")) + "=" +
              percent_encode(tag.child_value("Value"));
  return header.empty() ? Result<std::string>(malformed_xml()) : header;
}

// The request of PutObject that the form stands for.
Result<Request> as_put(const Request& request) {
  const FormUpload& form = *request.form;
  Request put;
  put.params = {{"Bucket", request.param("Bucket")}, {"Key", form.key}};
  for (const auto& [name, value] : form.fields.list)
    if (!is_about_form(name)) put.headers.add(name, value);
  if (const std::string* acl = form.fields.find("acl")) put.headers.add("x-amz-acl", *acl);
  if (const std::string* tags = form.fields.find("tagging")) {
    TRY(std::string header, tag_header(*tags));
    put.headers.add("x-amz-tagging", std::move(header));
  }
  return put;
}

std::string redirect_of(const FormUpload& form) {
  std::string url = form.fields.get("success_action_redirect");
  if (url.empty()) url = form.fields.get("redirect");
  return url.starts_with("https://") || url.starts_with("http://") ? url : "";
}
}  // namespace

Result<PostObject::In> PostObject::parse(const Request& request) {
  if (!request.form)
    return Error{412,
                 "PreconditionFailed",
                 "Bucket POST must be of the enclosure-type multipart/form-data",
                 {{"Condition", "Bucket POST must be of the enclosure-type multipart/form-data"}}};
  TRY(const Request put, as_put(request));
  In in;
  TRY(in.object, parse_object_in(put, true));
  CHECK(parse_context(in.object));
  const auto status = parse_int(request.form->fields.get("success_action_status"));
  if (status == 200 || status == 201) in.success_status = *status;
  in.redirect = redirect_of(*request.form);
  const bool bucket_is_host = request.target == "/";
  in.location = (request.tls_version.empty() ? "http://" : "https://") +
                request.headers.get("host") + "/" +
                (bucket_is_host ? "" : percent_encode(in.object.bucket) + "/") +
                percent_encode(in.object.key, true);
  return in;
}

Result<Received> PostObject::receive(const Authorized<In>& in, Staged& staged) {
  return receive_upload(in->object, in.body(), in.time(), in.ports(), staged);
}

Result<PostObject::Out> PostObject::run(const Authorized<In>& in, Received& body, Staged& staged) {
  const ObjectIn& object = in->object;
  TRY(PutOut put,
      store_upload(object, body, in.time(), in.ports(), actor(in), "ObjectCreated:Post", staged));
  Out out{static_cast<int>(in->success_status), std::move(put.headers), ""};
  const std::string etag = out.headers.get("etag");
  if (!in->redirect.empty()) {
    out.status = 303;
    out.headers.add("location",
                    in->redirect + (in->redirect.find('?') == std::string::npos ? "?" : "&") +
                        "bucket=" + percent_encode(object.bucket) +
                        "&key=" + percent_encode(object.key) + "&etag=" + percent_encode(etag));
    return out;
  }
  out.headers.add("location", in->location);
  if (out.status != 201) return out;
  XmlWriter xml;
  xml.open("PostResponse")
      .element("Location", in->location)
      .element("Bucket", object.bucket)
      .element("Key", object.key)
      .element("ETag", etag)
      .close("PostResponse");
  out.body = xml.take();
  out.headers.add("content-type", "application/xml");
  return out;
}

}  // namespace sluice::s3
