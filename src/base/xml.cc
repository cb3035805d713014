// SPDX-License-Identifier: Apache-2.0
#include "base/xml.h"

#include <algorithm>

#include "base/bytes.h"

namespace sluice {
namespace {
constexpr int kDepthMax = 32;
bool too_deep(const pugi::xml_node& node, int depth) {
  if (depth > kDepthMax) return true;
  for (const pugi::xml_node& child : node.children())
    if (too_deep(child, depth + 1)) return true;
  return false;
}
// Characters that XML 1.0 (2.2) does not have. pugixml lets them through, also as references such
// as
// &#1;, and no answer could carry them back.
bool has_foreign_character(std::string_view text) {
  return std::any_of(
             text.begin(), text.end(),
             [](unsigned char c) { return c < 0x20 && c != '\t' && c != '\n' && c != '\r'; }) ||
         text.find("\xEF\xBF\xBE") != text.npos || text.find("\xEF\xBF\xBF") != text.npos;
}
bool has_foreign_character(const pugi::xml_node& node) {
  if (has_foreign_character(std::string_view(node.value()))) return true;
  for (const pugi::xml_attribute& attribute : node.attributes())
    if (has_foreign_character(std::string_view(attribute.value()))) return true;
  for (const pugi::xml_node& child : node.children())
    if (has_foreign_character(child)) return true;
  return false;
}
// pugixml recurses nowhere while parsing, but its tree walk above does: bound the tags before.
bool nests_too_deep(std::string_view body) {
  int depth = 0;
  for (size_t i = 0; i + 1 < body.size(); ++i) {
    if (body[i] == '<' && body[i + 1] == '/')
      --depth;
    else if (body[i] == '<' && body[i + 1] != '!' && body[i + 1] != '?')
      ++depth;
    else if (body[i] == '/' && body[i + 1] == '>')
      --depth;
    if (depth > kDepthMax) return true;
  }
  return false;
}
}  // namespace

std::string xml_escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\r': out += "&#13;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return out;
}

XmlWriter& XmlWriter::open(std::string_view name, std::string_view xmlns) {
  out_.append("<").append(name);
  if (!xmlns.empty()) out_.append(" xmlns=\"").append(xmlns).append("\"");
  out_ += '>';
  return *this;
}
XmlWriter& XmlWriter::close(std::string_view name) {
  out_.append("</").append(name).append(">");
  return *this;
}
XmlWriter& XmlWriter::element(std::string_view name, std::string_view text) {
  open(name);
  out_ += xml_escape(text);
  return close(name);
}

Result<std::unique_ptr<pugi::xml_document>> parse_xml(std::string_view body) {
  const Error malformed{
      400,
      "MalformedXML",
      "The XML you provided was not well-formed or did not validate against our published schema",
      {}};
  if (!is_utf8(body) || nests_too_deep(body)) return malformed;
  auto document = std::make_unique<pugi::xml_document>();
  // A value that is only blanks is a value (a key of one blank); blanks between elements are not.
  constexpr unsigned kHow =
      (pugi::parse_default | pugi::parse_ws_pcdata_single) & ~pugi::parse_doctype;
  if (body.find('\0') != body.npos || !document->load_buffer(body.data(), body.size(), kHow))
    return malformed;
  const auto elements = document->children();
  const auto roots =
      std::count_if(elements.begin(), elements.end(),
                    [](const pugi::xml_node& node) { return node.type() == pugi::node_element; });
  if (roots != 1 || too_deep(*document, 0) || has_foreign_character(*document))
    return malformed;  // pugixml takes several; which one is meant would depend on who looks
  return document;
}

}  // namespace sluice
