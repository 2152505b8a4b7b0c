// The standard methods (AIP-131 to 135) of any kind, by descriptor. Every call may be made twice
// (changes carry a request_id), so that all of them wait for a server that is being restarted.
// One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include "services/cli/connection.h"
#include "services/cli/kind.h"

namespace tarn::cli {

using MessagePtr = std::unique_ptr<google::protobuf::Message>;

// A message without content of a generated type.
MessagePtr NewMessage(const google::protobuf::Descriptor* type);

// A text field by its name; "" where the message has none such.
std::string TextField(const google::protobuf::Message& message, const std::string& field);
void SetTextField(google::protobuf::Message& message, const std::string& field,
                  const std::string& value);

// Takes away what only the server says, and the name, which stands in a manifest's metadata.
void ClearOutputOnly(const Kind& kind, google::protobuf::Message& resource);

class ResourceClient {
 public:
  explicit ResourceClient(Connection& connection) : connection_(connection) {}

  // Errors are the server's. Names are full.
  absl::StatusOr<MessagePtr> Get(const Kind& kind, const std::string& name);
  absl::StatusOr<MessagePtr> Create(const Kind& kind, const google::protobuf::Message& resource);
  // Replaces what may change; fails with ABORTED when the resource's etag is an old one.
  absl::StatusOr<MessagePtr> Update(const Kind& kind, const google::protobuf::Message& resource);
  absl::Status Delete(const Kind& kind, const std::string& name);

  struct Page {
    std::vector<MessagePtr> resources;
    bool more = false;  // the limit left some out
  };
  // Up to `limit` resources (0: all), below `parent` where the kind has one.
  absl::StatusOr<Page> List(const Kind& kind, const std::string& parent, int limit);

 private:
  absl::StatusOr<MessagePtr> Change(const Kind& kind, const char* verb,
                                    const google::protobuf::Message& resource);

  Connection& connection_;
};

}  // namespace tarn::cli
