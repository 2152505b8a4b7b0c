#include "common/proto_json/yaml_document.h"

#include <algorithm>

#include <yaml-cpp/yaml.h>

namespace tarn::proto_json {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::size_t SkipDigits(std::string_view text, std::size_t at) {
  while (at < text.size() && IsDigit(text[at])) ++at;
  return at;
}

// [-+]? (digits [. digits?] | . digits) ([eE] [-+]? digits)?
bool IsNumber(std::string_view text) {
  std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const std::size_t whole_end = SkipDigits(text, at);
  std::size_t digits = whole_end - at;
  at = whole_end;
  if (at < text.size() && text[at] == '.') {
    const std::size_t end = SkipDigits(text, at + 1);
    digits += end - at - 1;
    at = end;
  }
  if (digits == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::size_t end = SkipDigits(text, at);
    if (end == at) return false;
    at = end;
  }
  return at == text.size();
}

bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int more = lead < 0x80                   ? 0
                     : lead >= 0xc2 && lead < 0xe0 ? 1
                     : (lead & 0xf0) == 0xe0       ? 2
                     : lead >= 0xf0 && lead < 0xf5 ? 3
                                                   : -1;
    if (more < 0 || i + more >= text.size()) return false;
    for (int k = 1; k <= more; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    // Overlong forms and surrogates.
    const auto next = more > 1 ? static_cast<unsigned char>(text[i + 1]) : 0;
    if ((lead == 0xe0 && next < 0xa0) || (lead == 0xed && next > 0x9f) ||
        (lead == 0xf0 && next < 0x90) || (lead == 0xf4 && next > 0x8f)) {
      return false;
    }
    i += more + 1;
  }
  return true;
}

class Converter {
 public:
  explicit Converter(std::vector<Problem>& problems) : problems_(problems) {}

  Node Convert(const YAML::Node& yaml, const std::string& path, int depth) {
    Node node;
    node.line = yaml.Mark().line + 1;
    if (depth > kMaxDepth || ++count_ > kMaxNodes) {
      // One report is enough, and nothing more is read.
      if (!stopped_)
        problems_.push_back({node.line, path, "the document is too deep or too large"});
      stopped_ = true;
      return node;
    }
    if (yaml.IsScalar()) {
      ConvertScalar(yaml, node);
    } else if (yaml.IsSequence()) {
      node.kind = Node::Kind::kList;
      for (const YAML::Node& item : yaml) {
        if (stopped_) break;
        node.items.push_back(Convert(item, ItemPath(path, node.items.size()), depth + 1));
      }
    } else if (yaml.IsMap()) {
      node.kind = Node::Kind::kMap;
      for (const auto& entry : yaml) {
        if (stopped_) break;
        ConvertEntry(entry.first, entry.second, path, depth, node);
      }
    }
    return node;
  }

 private:
  static void ConvertScalar(const YAML::Node& yaml, Node& node) {
    node.text = yaml.Scalar();
    // "!" marks a quoted scalar.
    const bool is_text = yaml.Tag() == "!" || yaml.Tag() == "tag:yaml.org,2002:str";
    node.kind = is_text ? Node::Kind::kString : PlainScalarKind(node.text);
    if (node.kind == Node::Kind::kBool)
      node.text = node.text[0] == 't' || node.text[0] == 'T' ? "true" : "false";
    if (node.kind == Node::Kind::kNumber && node.text.find_first_of("nN") != std::string::npos) {
      const bool nan = node.text.find_first_of("aA") != std::string::npos;
      node.text = nan ? "NaN" : node.text[0] == '-' ? "-Infinity" : "Infinity";
    }
  }

  void ConvertEntry(const YAML::Node& key, const YAML::Node& value, const std::string& path,
                    int depth, Node& map) {
    const int line = key.Mark().line + 1;
    if (!key.IsScalar()) {
      problems_.push_back({line, path, "a key must be plain text"});
      return;
    }
    const std::string child = ChildPath(path, key.Scalar());
    if (map.Find(key.Scalar()) != nullptr) {
      problems_.push_back({line, child, "is given twice"});
      return;
    }
    Node node = Convert(value, child, depth + 1);
    if (node.line <= 0) node.line = line;
    map.entries.push_back({key.Scalar(), line, std::move(node)});
  }

  std::vector<Problem>& problems_;
  int count_ = 0;
  bool stopped_ = false;
};

}  // namespace

Node::Kind PlainScalarKind(std::string_view text) {
  const auto is_one_of = [text](std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
  };
  if (is_one_of({"", "~", "null", "Null", "NULL"})) return Node::Kind::kNull;
  if (is_one_of({"true", "True", "TRUE", "false", "False", "FALSE"})) return Node::Kind::kBool;
  if (is_one_of(
          {".inf", ".Inf", ".INF", "+.inf", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN"}) ||
      IsNumber(text)) {
    return Node::Kind::kNumber;
  }
  return Node::Kind::kString;
}

std::vector<Node> ParseYaml(std::string_view text, std::vector<Problem>& problems) {
  std::vector<Node> documents;
  if (!IsUtf8(text)) {
    problems.push_back({0, "", "is not UTF-8 text"});
    return documents;
  }
  try {
    Converter converter(problems);
    for (const YAML::Node& yaml : YAML::LoadAll(std::string(text))) {
      if (!yaml.IsDefined() || yaml.IsNull()) continue;
      documents.push_back(converter.Convert(yaml, "", 0));
    }
  } catch (const YAML::Exception& e) {
    problems.push_back({e.mark.line + 1, "", "not valid YAML: " + e.msg});
  }
  return documents;
}

}  // namespace tarn::proto_json
