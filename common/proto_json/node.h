// A document as a tree, from JSON or YAML alike, with the lines that its parts stand on. A plain
// value; immutable once read, and then safe to share between threads.
#pragma once

#include <string>
#include <vector>

namespace tarn::proto_json {

struct NodeEntry;

struct Node {
  enum class Kind { kNull, kBool, kNumber, kString, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 0;      // counted from 1; 0 where it is not known (JSON)
  std::string text;  // of kBool ("true"), kNumber (as written, so that no digit is lost), kString
  std::vector<Node> items;         // of kList
  std::vector<NodeEntry> entries;  // of kMap, in the document's order, keys unique

  const Node* Find(const std::string& key) const;
};

struct NodeEntry {
  std::string key;
  int line = 0;
  Node value;
};

inline const Node* Node::Find(const std::string& key) const {
  for (const NodeEntry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

// Deeper or larger documents are refused: the first would end the stack, the second (which YAML's
// aliases make out of a few lines) the memory.
inline constexpr int kMaxDepth = 100;
inline constexpr int kMaxNodes = 1'000'000;

}  // namespace tarn::proto_json
