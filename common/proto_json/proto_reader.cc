#include "common/proto_json/proto_reader.h"

#include <map>
#include <set>

#include <google/protobuf/descriptor.h>

#include "common/names/nearest_name.h"
#include "google/api/field_behavior.pb.h"

namespace tarn::proto_json {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::OneofDescriptor;
using google::protobuf::Reflection;

const FieldDescriptor* FindField(const Descriptor* type, const std::string& key) {
  if (const FieldDescriptor* field = type->FindFieldByName(key)) return field;
  for (int i = 0; i < type->field_count(); ++i) {
    if (type->field(i)->json_name() == key) return type->field(i);
  }
  return nullptr;
}

std::vector<std::string> FieldNames(const Descriptor* type) {
  std::vector<std::string> names;
  for (int i = 0; i < type->field_count(); ++i) names.push_back(type->field(i)->json_name());
  return names;
}

bool IsRequired(const FieldDescriptor* field) {
  const auto& options = field->options();
  for (int i = 0; i < options.ExtensionSize(google::api::field_behavior); ++i) {
    if (options.GetExtension(google::api::field_behavior, i) == google::api::REQUIRED) return true;
  }
  return false;
}

// Where null is a value, not an absence.
bool TakesNull(const FieldDescriptor* field) {
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return field->message_type()->full_name() == "google.protobuf.Value";
  }
  return field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM &&
         field->enum_type()->full_name() == "google.protobuf.NullValue";
}

// True for a required field without a value. Numbers and switches cannot tell whether they were
// given, so the document says it.
bool IsMissing(const google::protobuf::Message& message, const FieldDescriptor* field,
               const Node& node) {
  const Reflection* reflection = message.GetReflection();
  if (field->is_repeated()) return reflection->FieldSize(message, field) == 0;
  if (field->has_presence() || field->cpp_type() == FieldDescriptor::CPPTYPE_STRING ||
      field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    return !reflection->HasField(message, field);
  }
  const Node* given = node.Find(field->json_name());
  if (given == nullptr) given = node.Find(field->name());
  return given == nullptr || given->kind == Node::Kind::kNull;
}

std::string_view KindName(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kBool:
      return "true or false";
    case Node::Kind::kNumber:
      return "a number";
    case Node::Kind::kString:
      return "text";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
  }
  return "unknown";
}

}  // namespace

void ProtoReader::Fail(int line, const std::string& path, std::string description) {
  problems_.push_back({line, path, std::move(description)});
}

void ProtoReader::FailType(const Node& node, const std::string& path, const std::string& expected) {
  Fail(node.line, path, "must be " + expected + ", not " + std::string(KindName(node.kind)));
}

void ProtoReader::ReadMessage(const Node& node, const std::string& path, Message& message) {
  if (ReadWellKnown(node, path, message)) return;
  if (node.kind != Node::Kind::kMap) {
    FailType(node, path, "a map of fields");
    return;
  }
  ReadFields(node, path, message);
  if (check_required_) CheckRequired(node, path, message);
}

void ProtoReader::ReadFields(const Node& node, const std::string& path, Message& message) {
  const Descriptor* type = message.GetDescriptor();
  std::set<const FieldDescriptor*> seen;
  std::map<const OneofDescriptor*, std::string> chosen;
  for (const NodeEntry& entry : node.entries) {
    const std::string child = ChildPath(path, entry.key);
    const FieldDescriptor* field = FindField(type, entry.key);
    if (field == nullptr) {
      Fail(entry.line, child, "unknown field" + names::DidYouMean(entry.key, FieldNames(type)));
      continue;
    }
    if (!seen.insert(field).second) {
      Fail(entry.line, child, "is given twice, as " + field->json_name() + " and " + field->name());
      continue;
    }
    if (entry.value.kind == Node::Kind::kNull && !TakesNull(field)) continue;
    if (const OneofDescriptor* oneof = field->real_containing_oneof()) {
      const auto [other, first] = chosen.emplace(oneof, entry.key);
      if (!first) {
        Fail(entry.line, child, "cannot be given together with " + other->second);
        continue;
      }
    }
    ReadField(entry.value, child, message, field);
  }
}

void ProtoReader::ReadField(const Node& node, const std::string& path, Message& message,
                            const Field* field) {
  if (field->is_map()) {
    ReadMap(node, path, message, field);
  } else if (!field->is_repeated()) {
    ReadValue(node, path, message, field);
  } else if (node.kind != Node::Kind::kList) {
    FailType(node, path, "a list");
  } else {
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      ReadValue(node.items[i], ItemPath(path, i), message, field);
    }
  }
}

void ProtoReader::ReadMap(const Node& node, const std::string& path, Message& message,
                          const Field* field) {
  if (node.kind != Node::Kind::kMap) {
    FailType(node, path, "a map");
    return;
  }
  const Descriptor* entry_type = field->message_type();
  for (const NodeEntry& entry : node.entries) {
    const std::string child = ChildPath(path, entry.key);
    Message* added = message.GetReflection()->AddMessage(&message, field);
    ReadKey(entry.key, entry.value, child, *added, entry_type->map_key());
    ReadValue(entry.value, child, *added, entry_type->map_value());
  }
}

void ProtoReader::ReadKey(const std::string& key, const Node& at, const std::string& path,
                          Message& entry, const Field* field) {
  Node node;  // keys are text in JSON, whatever their type
  node.kind = field->cpp_type() == Field::CPPTYPE_BOOL && (key == "true" || key == "false")
                  ? Node::Kind::kBool
                  : Node::Kind::kString;
  node.text = key;
  node.line = at.line;
  ReadScalar(node, path, entry, field);
}

void ProtoReader::ReadValue(const Node& node, const std::string& path, Message& message,
                            const Field* field) {
  if (field->cpp_type() != Field::CPPTYPE_MESSAGE) {
    ReadScalar(node, path, message, field);
    return;
  }
  const Reflection* reflection = message.GetReflection();
  ReadMessage(node, path,
              field->is_repeated() ? *reflection->AddMessage(&message, field)
                                   : *reflection->MutableMessage(&message, field));
}

void ProtoReader::CheckRequired(const Node& node, const std::string& path, const Message& message) {
  const Descriptor* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    if (!IsRequired(field) || !IsMissing(message, field, node)) continue;
    const std::string child = ChildPath(path, field->json_name());
    // A field that was given wrongly is reported already.
    bool reported = false;
    for (const Problem& problem : problems_) {
      reported =
          reported || problem.path == child || problem.path == ChildPath(path, field->name());
    }
    if (!reported) Fail(node.line, child, "is required");
  }
}

}  // namespace tarn::proto_json
