#include "common/proto_json/json_document.h"

#include <nlohmann/json.hpp>

#include "common/status/error.h"

namespace tarn::proto_json {
namespace {

using Json = nlohmann::json;

// Builds the tree as the parser goes. Open lists and maps are kept as pointers: none is moved,
// since nothing is added to a parent while its child is open.
class NodeBuilder final : public nlohmann::json_sax<Json> {
 public:
  Node TakeRoot() { return std::move(root_); }
  const std::string& error() const { return error_; }

  bool null() override { return Add(Node::Kind::kNull, ""); }
  bool boolean(bool value) override { return Add(Node::Kind::kBool, value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override {
    return Add(Node::Kind::kNumber, std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    return Add(Node::Kind::kNumber, std::to_string(value));
  }
  bool number_float(number_float_t, const string_t& raw) override {
    return Add(Node::Kind::kNumber, raw);
  }
  bool string(string_t& value) override { return Add(Node::Kind::kString, std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return Open(Node::Kind::kMap); }
  bool start_array(std::size_t) override { return Open(Node::Kind::kList); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& key) override {
    if (open_.back()->Find(key) != nullptr) return Fail("the key \"" + key + "\" is given twice");
    open_.back()->entries.push_back({std::move(key), 0, Node{}});
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const Json::exception& e) override {
    const std::string what = e.what();  // "[json.exception.parse_error.101] parse error at line …"
    const std::size_t end = what.find("] ");
    return Fail(end == std::string::npos ? what : what.substr(end + 2));
  }

 private:
  Node* Place() {
    if (open_.empty()) return &root_;
    Node* parent = open_.back();
    if (parent->kind == Node::Kind::kMap) return &parent->entries.back().value;
    return &parent->items.emplace_back();
  }

  bool Add(Node::Kind kind, std::string text) {
    if (++count_ > kMaxNodes) return Fail("the document is too large");
    Node* node = Place();
    node->kind = kind;
    node->text = std::move(text);
    return true;
  }

  bool Open(Node::Kind kind) {
    if (static_cast<int>(open_.size()) >= kMaxDepth) return Fail("the document is nested too deep");
    if (++count_ > kMaxNodes) return Fail("the document is too large");
    Node* node = Place();
    node->kind = kind;
    open_.push_back(node);
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  bool Fail(std::string error) {
    error_ = std::move(error);
    return false;
  }

  Node root_;
  std::vector<Node*> open_;
  std::string error_;
  int count_ = 0;
};

}  // namespace

absl::StatusOr<Node> ParseJson(std::string_view text) {
  NodeBuilder builder;
  if (Json::sax_parse(text.begin(), text.end(), &builder)) return builder.TakeRoot();
  return InvalidArgument("INVALID_JSON", "not valid JSON: " + builder.error());
}

}  // namespace tarn::proto_json
