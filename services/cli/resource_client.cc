#include "services/cli/resource_client.h"

#include <algorithm>

#include <google/protobuf/descriptor.h>

#include "common/ids/ids.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

constexpr int kLargestPage = 1000;

// The field of `type` whose messages are resources of the kind, one or many of them.
const FieldDescriptor* ResourceField(const Descriptor* type, const Kind& kind) {
  for (int i = 0; i < type->field_count(); ++i) {
    if (type->field(i)->message_type() == kind.resource) return type->field(i);
  }
  return nullptr;
}

absl::StatusOr<const MethodDescriptor*> RequireMethod(const Kind& kind, const char* verb) {
  if (const MethodDescriptor* method = kind.Method(verb)) return method;
  return InvalidArgument("METHOD_NOT_SUPPORTED",
                         "a " + std::string(kind.command_name) +
                             " cannot be reached in this way (there is no " + verb +
                             std::string(kind.name) + ")");
}

void SetPageSize(Message& request, int size) {
  const FieldDescriptor* field = request.GetDescriptor()->FindFieldByName("page_size");
  if (field != nullptr) request.GetReflection()->SetInt32(&request, field, size);
}

}  // namespace

MessagePtr NewMessage(const Descriptor* type) {
  return MessagePtr(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

std::string TextField(const Message& message, const std::string& field) {
  const FieldDescriptor* descriptor = message.GetDescriptor()->FindFieldByName(field);
  if (descriptor == nullptr) return "";
  return message.GetReflection()->GetString(message, descriptor);
}

void SetTextField(Message& message, const std::string& field, const std::string& value) {
  const FieldDescriptor* descriptor = message.GetDescriptor()->FindFieldByName(field);
  if (descriptor != nullptr) message.GetReflection()->SetString(&message, descriptor, value);
}

void ClearOutputOnly(const Kind& kind, Message& resource) {
  std::vector<std::string_view> fields = {"name", "owner", "create_time", "update_time", "etag"};
  fields.insert(fields.end(), kind.output_only.begin(), kind.output_only.end());
  for (std::string_view name : fields) {
    const FieldDescriptor* field = resource.GetDescriptor()->FindFieldByName(std::string(name));
    if (field != nullptr) resource.GetReflection()->ClearField(&resource, field);
  }
}

absl::StatusOr<MessagePtr> ResourceClient::Get(const Kind& kind, const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const MethodDescriptor* method, RequireMethod(kind, "Get"));
  MessagePtr request = NewMessage(method->input_type());
  SetTextField(*request, "name", name);
  MessagePtr resource = NewMessage(method->output_type());
  TARN_RETURN_IF_ERROR(connection_.CallByDescriptor(*method, *request, resource.get()));
  return resource;
}

absl::StatusOr<MessagePtr> ResourceClient::Change(const Kind& kind, const char* verb,
                                                  const Message& resource) {
  TARN_ASSIGN_OR_RETURN(const MethodDescriptor* method, RequireMethod(kind, verb));
  MessagePtr request = NewMessage(method->input_type());
  const FieldDescriptor* field = ResourceField(method->input_type(), kind);
  request->GetReflection()->MutableMessage(request.get(), field)->CopyFrom(resource);
  SetTextField(*request, "request_id", NewUuid());
  MessagePtr changed = NewMessage(method->output_type());
  TARN_RETURN_IF_ERROR(connection_.CallByDescriptor(*method, *request, changed.get()));
  return changed;
}

absl::StatusOr<MessagePtr> ResourceClient::Create(const Kind& kind, const Message& resource) {
  return Change(kind, "Create", resource);
}

absl::StatusOr<MessagePtr> ResourceClient::Update(const Kind& kind, const Message& resource) {
  return Change(kind, "Update", resource);
}

absl::Status ResourceClient::Delete(const Kind& kind, const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const MethodDescriptor* method, RequireMethod(kind, "Delete"));
  MessagePtr request = NewMessage(method->input_type());
  SetTextField(*request, "name", name);
  SetTextField(*request, "request_id", NewUuid());
  MessagePtr response = NewMessage(method->output_type());
  return connection_.CallByDescriptor(*method, *request, response.get());
}

absl::StatusOr<ResourceClient::Page> ResourceClient::List(const Kind& kind,
                                                          const std::string& parent, int limit) {
  TARN_ASSIGN_OR_RETURN(const MethodDescriptor* method, RequireMethod(kind, "List"));
  MessagePtr request = NewMessage(method->input_type());
  SetTextField(*request, "parent", parent);
  const FieldDescriptor* field = ResourceField(method->output_type(), kind);
  Page page;
  for (;;) {
    const int wanted = limit > 0 ? limit - static_cast<int>(page.resources.size()) : kLargestPage;
    SetPageSize(*request, std::min(wanted, kLargestPage));
    MessagePtr response = NewMessage(method->output_type());
    TARN_RETURN_IF_ERROR(connection_.CallByDescriptor(*method, *request, response.get()));
    const auto* reflection = response->GetReflection();
    for (int i = 0; i < reflection->FieldSize(*response, field); ++i) {
      MessagePtr resource = NewMessage(kind.resource);
      resource->CopyFrom(reflection->GetRepeatedMessage(*response, field, i));
      page.resources.push_back(std::move(resource));
    }
    const std::string token = TextField(*response, "next_page_token");
    page.more = !token.empty();
    if (!page.more || (limit > 0 && static_cast<int>(page.resources.size()) >= limit)) return page;
    SetTextField(*request, "page_token", token);
  }
}

}  // namespace tarn::cli
