// Proto messages as JSON and YAML, in proto JSON's canonical form, with errors that name the field.
// For generated and dynamic messages. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace google::protobuf {
class Message;
}

namespace tarn::proto_json {

struct WriteOptions {
  bool keep_defaults = false;  // also fields that have their default value
  bool proto_names = false;    // snake_case instead of lowerCamelCase
  bool pretty = false;         // over several lines
};

// 64-bit integers become strings, times RFC 3339, bytes base64. INTERNAL, UNPRINTABLE_MESSAGE for
// what JSON cannot hold: a Timestamp outside its range, an Any of an unknown type.
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message,
                                   const WriteOptions& options = {});

// The same in YAML's block form, for people. Reads back as the same message.
absl::StatusOr<std::string> ToYaml(const google::protobuf::Message& message,
                                   const WriteOptions& options = {});

struct ReadOptions {
  // Refuse a message that lacks a field marked REQUIRED. Off for requests, whose service checks
  // them, and since an update carries parts of a resource.
  bool check_required = false;
};

// Replaces `message` by what `json` says. Strict: an unknown field, a wrong type, a value out of
// range, a key given twice are refused. INVALID_ARGUMENT: INVALID_JSON where it does not parse,
// INVALID_FIELD with a violation for every bad field ("steps[2].sql": …). After an error the
// message is empty.
absl::Status FromJson(std::string_view json, google::protobuf::Message* message,
                      const ReadOptions& options = {});

}  // namespace tarn::proto_json
