// SPDX-License-Identifier: Apache-2.0
#include "base/xml.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {
std::string key_of(std::string_view body) {
  const auto document = parse_xml(body);
  return document ? std::string((*document)->child("Delete").child("Key").child_value())
                  : "refused " + document.error().code;
}

// pugixml takes them; an answer that names the key could not carry them, and would name another.
TEST(Xml, RefusesCharactersThatXmlDoesNotHave) {
  for (const char* body :
       {"<Delete><Key>a&#1;b</Key></Delete>",
        "<Delete><Key>a\x01"
        "b</Key></Delete>",
        "<Delete><Key>a&#x1F;</Key></Delete>", "<Delete><Key>\xEF\xBF\xBF</Key></Delete>",
        "<Delete><Key>&#xFFFE;</Key></Delete>", "<Delete a='&#2;'><Key>k</Key></Delete>",
        "<Delete><Key><![CDATA[\x02]]></Key></Delete>"})
    EXPECT_EQ(key_of(body), "refused MalformedXML") << body;
  EXPECT_EQ(key_of(std::string_view("<Delete><Key>a\0b</Key></Delete>", 31)),
            "refused MalformedXML");
}
TEST(Xml, KeepsAValueOfBlanksAndDropsBlanksBetweenElements) {
  EXPECT_EQ(key_of("<Delete>\n  <Key> </Key>\n</Delete>"), " ");
  EXPECT_EQ(key_of("<Delete><Key>\t \n</Key></Delete>"), "\t \n");
  EXPECT_EQ(key_of("<Delete><Key> a </Key></Delete>"), " a ");
  EXPECT_EQ(key_of("<Delete><Key/></Delete>"), "");
}
}  // namespace
}  // namespace sluice
