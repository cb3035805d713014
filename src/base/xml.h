// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writes XML answers, and reads XML requests with pugixml within limits.
//
//   XmlWriter xml;
//   xml.open("LocationConstraint", kXmlns).close("LocationConstraint");
//   response.body = xml.take();
#include <pugixml.hpp>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice {

// Writes elements one after the other, and escapes their text. A character that XML 1.0 cannot have
// becomes '?'.
class XmlWriter {
 public:
  // For a part of another document: it has no XML declaration.
  struct Fragment {};
  explicit XmlWriter(Fragment) {}
  XmlWriter() : out_("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") {}
  XmlWriter& open(std::string_view name, std::string_view xmlns = {});
  XmlWriter& close(std::string_view name);
  XmlWriter& element(std::string_view name, std::string_view text);
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};
std::string xml_escape(std::string_view text);

// Parses the document of a request. It may have no DTD, no entities but the five of XML, at most 32
// nested elements, and no character that XML 1.0 does not have, also not as &#1;. A text of blanks
// only is kept. Errors: MalformedXML 400.
Result<std::unique_ptr<pugi::xml_document>> parse_xml(std::string_view body);

}  // namespace sluice
