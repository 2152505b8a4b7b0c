// Rows of an XML document: the content of one repeated element. A child element or an attribute is
// a field; a child that is repeated within a row is a list; one with children or attributes is a
// struct, whose own text, if any, is its field "value". Types are found as those of CSV are. Names
// stand without the prefix of their namespace; what declares namespaces is no field. Elements are
// nested at most 100 deep.
//
// Pure; any thread. The whole document is in memory.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "services/catalog/crawl/scanned_file.h"

namespace tarn::catalog {

struct XmlRows {
  ScannedFile scanned;
  std::string row_element;
  // One JSON object a row, every leaf a text: what the engine casts to the table's types.
  std::string json_lines;
};

// `row_element` empty: the element that is repeated most, as near to the root as there is one.
// INVALID_ARGUMENT CORRUPT_FILE with the line; ROW_ELEMENT_NOT_FOUND.
absl::StatusOr<XmlRows> ReadXmlRows(std::string_view document, const std::string& row_element);

}  // namespace tarn::catalog
