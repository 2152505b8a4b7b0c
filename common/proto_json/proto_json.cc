#include "common/proto_json/proto_json.h"

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>

#include "common/proto_json/json_document.h"
#include "common/proto_json/proto_reader.h"
#include "common/proto_json/yaml_writer.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::proto_json {

absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message,
                                   const WriteOptions& options) {
  google::protobuf::util::JsonPrintOptions print;
  print.always_print_primitive_fields = options.keep_defaults;
  print.preserve_proto_field_names = options.proto_names;
  print.add_whitespace = options.pretty;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, print);
  if (status.ok()) return json;
  return Internal("UNPRINTABLE_MESSAGE",
                  "a message of type " + message.GetDescriptor()->full_name() +
                      " cannot be written as JSON: " +
                      std::string(status.message().data(), status.message().size()));
}

absl::StatusOr<std::string> ToYaml(const google::protobuf::Message& message,
                                   const WriteOptions& options) {
  TARN_ASSIGN_OR_RETURN(std::string json, ToJson(message, options));
  return WriteYaml(nlohmann::ordered_json::parse(json));
}

absl::Status FromJson(std::string_view json, google::protobuf::Message* message,
                      const ReadOptions& options) {
  message->Clear();
  TARN_ASSIGN_OR_RETURN(Node node, ParseJson(json));
  ProtoReader reader(options.check_required);
  reader.ReadMessage(node, "", *message);
  absl::Status status = ToStatus(reader.problems(), "");
  if (!status.ok()) message->Clear();
  return status;
}

}  // namespace tarn::proto_json
