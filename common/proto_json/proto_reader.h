// Fills a proto message from a Node, strictly, by reflection: an unknown field, a wrong type, a
// value out of range and a missing required field are problems with their path, and all are found.
//
// The rules are proto JSON's: names in lowerCamelCase or as in the proto; 64-bit integers as number
// or string; bytes in base64; enums by name (or number); null is a field not given; the well-known
// types in their own forms. A Duration may also be written for people ("1h30m"). Any is refused.
// Works for generated and dynamic messages. One object for one document; one thread.
#pragma once

#include <string>
#include <vector>

#include <google/protobuf/message.h>

#include "common/proto_json/node.h"
#include "common/proto_json/problem.h"

namespace tarn::proto_json {

class ProtoReader {
 public:
  // With `check_required`, a field marked REQUIRED by google.api.field_behavior must be given, and
  // not as an empty text, an empty list or an UNSPECIFIED enum.
  explicit ProtoReader(bool check_required) : check_required_(check_required) {}

  // `message` is empty before; after problems its content is partial.
  void ReadMessage(const Node& node, const std::string& path, google::protobuf::Message& message);

  const std::vector<Problem>& problems() const { return problems_; }

 private:
  using Message = google::protobuf::Message;
  using Field = google::protobuf::FieldDescriptor;

  // proto_reader.cc
  void ReadFields(const Node& node, const std::string& path, Message& message);
  void ReadField(const Node& node, const std::string& path, Message& message, const Field* field);
  void ReadMap(const Node& node, const std::string& path, Message& message, const Field* field);
  void ReadKey(const std::string& key, const Node& at, const std::string& path, Message& entry,
               const Field* field);
  // Sets a singular field, adds to a repeated one.
  void ReadValue(const Node& node, const std::string& path, Message& message, const Field* field);
  void CheckRequired(const Node& node, const std::string& path, const Message& message);

  // scalar_reader.cc
  void ReadScalar(const Node& node, const std::string& path, Message& message, const Field* field);
  void ReadEnum(const Node& node, const std::string& path, Message& message, const Field* field);

  // well_known_reader.cc: false when the message is of no well-known type.
  bool ReadWellKnown(const Node& node, const std::string& path, Message& message);
  void ReadTimestamp(const Node& node, const std::string& path, Message& message);
  void ReadDuration(const Node& node, const std::string& path, Message& message);
  void ReadFieldMask(const Node& node, const std::string& path, Message& message);
  void ReadStruct(const Node& node, const std::string& path, Message& message);
  void ReadListValue(const Node& node, const std::string& path, Message& message);
  void ReadAnyValue(const Node& node, const std::string& path, Message& message);

  void Fail(int line, const std::string& path, std::string description);
  void FailType(const Node& node, const std::string& path, const std::string& expected);

  bool check_required_;
  std::vector<Problem> problems_;
};

}  // namespace tarn::proto_json
