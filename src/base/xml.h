// SPDX-License-Identifier: Apache-2.0
#pragma once
// Building XML answers. Reading XML is pugixml's job, behind parse_xml's limits.
#include <pugixml.hpp>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice {

// Writes elements in order; text is escaped. Characters that XML 1.0 cannot carry are written as
// '?'.
class XmlWriter {
 public:
  struct Fragment {};  // no declaration: to be put inside another document
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

// Parses a request document: no DTD, no entities but the five of XML, nesting at most 32, no
// character that XML 1.0 does not have (&#1; among them). A value of blanks is kept. Error:
// MalformedXML 400.
Result<std::unique_ptr<pugi::xml_document>> parse_xml(std::string_view body);

}  // namespace sluice
