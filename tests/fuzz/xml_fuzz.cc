// SPDX-License-Identifier: Apache-2.0
// Request documents in XML, and texts put into answers.
#include "base/xml.h"
#include "fuzz.h"

using namespace sluice;
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = fuzz::text(data, size);
  (void)parse_xml(text);
  XmlWriter xml;
  xml.open("A").element("B", text).close("A");
  const std::string document = xml.take();
  pugi::xml_document read;
  MUST(read.load_buffer(document.data(),
                        document.size()));  // whatever the text, the answer is a document
  MUST(std::distance(read.child("A").begin(), read.child("A").end()) == 1);
  return 0;
}
