#include "services/catalog/crawl/xml_rows.h"

#include <algorithm>
#include <map>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/crawl/text_encoding.h"
#include "services/catalog/crawl/text_value.h"

namespace tarn::catalog {
namespace {

using json = nlohmann::ordered_json;

constexpr char kTextField[] = "value";
constexpr int kMaxDepth = 100;

// Without the prefix of a namespace.
std::string LocalName(std::string_view name) {
  const size_t colon = name.rfind(':');
  return std::string(colon == std::string_view::npos ? name : name.substr(colon + 1));
}

bool DeclaresNamespace(std::string_view attribute) {
  return attribute == "xmlns" || attribute.starts_with("xmlns:");
}

bool HasElements(const pugi::xml_node& node) {
  const auto children = node.children();
  return std::any_of(children.begin(), children.end(), [](const pugi::xml_node& child) {
    return child.type() == pugi::node_element;
  });
}

// The text of an element, blanks around it removed.
std::string TextOf(const pugi::xml_node& node) {
  std::string text;
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata)
      text += child.value();
  }
  return std::string(absl::StripAsciiWhitespace(text));
}

// The most frequent name among a node's element children.
std::pair<std::string, int> MostFrequentChild(const pugi::xml_node& node) {
  std::map<std::string, int> counts;
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() == pugi::node_element) ++counts[LocalName(child.name())];
  }
  std::pair<std::string, int> best;
  for (const auto& [name, count] : counts) {
    if (count > best.second) best = {name, count};
  }
  return best;
}

// Level by level from the root: the first level on which an element is repeated. A document with a
// single row: the innermost element that has fields.
std::string FindRowElement(const pugi::xml_node& root) {
  std::string only;
  for (pugi::xml_node node = root; node;) {
    const auto [name, count] = MostFrequentChild(node);
    if (count > 1) return name;
    pugi::xml_node next;
    for (const pugi::xml_node& child : node.children()) {
      if (child.type() == pugi::node_element && HasElements(child)) {
        next = child;
        break;
      }
    }
    if (next) only = LocalName(next.name());
    node = next;
  }
  return only;
}

json ValueOf(const pugi::xml_node& node, InferredType& type);

// The fields of an element, with their types.
json FieldsOf(const pugi::xml_node& node, InferredType& type) {
  json fields = json::object();
  for (const pugi::xml_attribute& attribute : node.attributes()) {
    if (DeclaresNamespace(attribute.name())) continue;
    const std::string name = LocalName(attribute.name());
    type.Part(name).Observe(ClassifyValue(name, attribute.value()), attribute.value());
    fields[name] = attribute.value();
  }
  std::map<std::string, int> counts;
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() == pugi::node_element) ++counts[LocalName(child.name())];
  }
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() != pugi::node_element) continue;
    // Too many anyway: the row is refused.
    if (type.parts.size() > kMaxColumns) break;
    const std::string name = LocalName(child.name());
    InferredType& part = type.Part(name);
    if (counts[name] == 1 && part.kind != InferredKind::kList) {
      fields[name] = ValueOf(child, part);
      continue;
    }
    // One list a row, however many elements it has.
    const bool is_list = fields.contains(name) ? part.kind == InferredKind::kList
                                               : part.ObserveNested(InferredKind::kList);
    InferredType scrap;
    InferredType& element = is_list ? part.Part("element") : scrap;
    fields[name].push_back(ValueOf(child, element));
  }
  const std::string text = TextOf(node);
  if (!text.empty()) {
    type.Part(kTextField).Observe(ClassifyText(text), text);
    fields[kTextField] = text;
  }
  return fields;
}

bool HasAttributes(const pugi::xml_node& node) {
  const auto attributes = node.attributes();
  return std::any_of(
      attributes.begin(), attributes.end(),
      [](const pugi::xml_attribute& attribute) { return !DeclaresNamespace(attribute.name()); });
}

json ValueOf(const pugi::xml_node& node, InferredType& type) {
  if (HasElements(node) || HasAttributes(node)) {
    if (type.ObserveNested(InferredKind::kStruct)) return FieldsOf(node, type);
    InferredType scrap{.kind = InferredKind::kStruct};
    return FieldsOf(node, scrap);
  }
  const std::string text = TextOf(node);
  if (text.empty()) return nullptr;
  type.Observe(ClassifyValue(LocalName(node.name()), text), text);
  return text;
}

int64_t LineAt(std::string_view document, ptrdiff_t offset) {
  const auto end = document.begin() + std::min<ptrdiff_t>(offset, document.size());
  return 1 + std::count(document.begin(), end, '\n');
}

absl::Status Corrupt(int64_t line, std::string_view problem) {
  return InvalidArgument("CORRUPT_FILE", absl::StrCat("line ", line, ": ", std::string(problem)));
}

// Refuses a document in which recursion would go too deep, without recursion.
absl::Status CheckDepth(std::string_view document, pugi::xml_document& xml) {
  struct DepthWalker : pugi::xml_tree_walker {
    bool for_each(pugi::xml_node& node) override {
      if (depth() <= kMaxDepth) return true;
      offset = node.offset_debug();
      return false;
    }
    ptrdiff_t offset = 0;
  } walker;
  if (xml.traverse(walker)) return absl::OkStatus();
  return Corrupt(LineAt(document, walker.offset),
                 absl::StrCat("elements are nested more than ", kMaxDepth, " deep"));
}

// Takes the rows below an element in.
absl::Status CollectRows(const pugi::xml_node& node, const std::string& name, XmlRows& rows) {
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() != pugi::node_element) continue;
    if (LocalName(child.name()) != name && child.name() != name) {
      TARN_RETURN_IF_ERROR(CollectRows(child, name, rows));
      continue;
    }
    const json row = FieldsOf(child, rows.scanned.columns);
    ++rows.scanned.row_count;
    if (rows.scanned.columns.parts.size() > kMaxColumns) {
      return InvalidArgument(
          "CORRUPT_FILE",
          absl::StrCat("row ", rows.scanned.row_count, ": there are more than ", kMaxColumns,
                       " different fields up to here; do names hold what "
                       "should be values?"));
    }
    rows.json_lines += row.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<XmlRows> ReadXmlRows(std::string_view document, const std::string& row_element) {
  pugi::xml_document xml;
  const pugi::xml_parse_result parsed =
      xml.load_buffer(document.data(), document.size(), pugi::parse_default | pugi::parse_cdata);
  if (!parsed) return Corrupt(LineAt(document, parsed.offset), parsed.description());
  TARN_RETURN_IF_ERROR(CheckDepth(document, xml));
  if (const size_t good = Utf8Prefix(document);
      parsed.encoding == pugi::encoding_utf8 && good < document.size()) {
    return Corrupt(LineAt(document, static_cast<ptrdiff_t>(good)),
                   "bytes that are no UTF-8, where the document names no other encoding");
  }
  const pugi::xml_node root = xml.document_element();
  XmlRows rows;
  rows.row_element = row_element.empty() ? FindRowElement(root) : row_element;
  if (!rows.row_element.empty()) {
    TARN_RETURN_IF_ERROR(CollectRows(root, rows.row_element, rows));
  }
  if (rows.scanned.row_count == 0 && (HasElements(root) || rows.row_element.empty())) {
    return InvalidArgument(
        "ROW_ELEMENT_NOT_FOUND",
        rows.row_element.empty()
            ? "no element is repeated; name the one that is a row in the crawler's xml.row_element"
            : "there is no element <" + rows.row_element + ">");
  }
  return rows;
}

}  // namespace tarn::catalog
