#include "services/cli/applier.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/message_differencer.h>

#include "common/status/status_macros.h"

namespace tarn::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;

// Somebody else may change the resource between reading and writing it; so often it is read again.
constexpr int kMaxAttempts = 4;

MessagePtr WithoutOutputOnly(const Kind& kind, const Message& resource) {
  MessagePtr copy = NewMessage(kind.resource);
  copy->CopyFrom(resource);
  ClearOutputOnly(kind, *copy);
  return copy;
}

// The top-level fields in which two resources differ, as a manifest spells them.
std::vector<std::string> DifferingFields(const Message& a, const Message& b) {
  std::vector<std::string> names;
  const auto* type = a.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    MessageDifferencer differencer;
    if (!differencer.CompareWithFields(a, b, {field}, {field})) {
      names.push_back("spec." + field->json_name());
    }
  }
  return names;
}

}  // namespace

absl::StatusOr<ApplyOutcome> Applier::Apply(const DesiredResource& desired) {
  const std::string name = TextField(*desired.message, "name");
  for (int attempt = 1;; ++attempt) {
    const absl::StatusOr<MessagePtr> current = client_.Get(*desired.kind, name);
    absl::StatusOr<ApplyOutcome> outcome = ApplyOutcome::kCreated;
    if (current.ok()) {
      outcome = Update(desired, **current);
    } else if (current.status().code() == absl::StatusCode::kNotFound) {
      const absl::Status created = client_.Create(*desired.kind, *desired.message).status();
      if (!created.ok()) outcome = created;
    } else {
      return current.status();
    }
    const absl::StatusCode code = outcome.status().code();
    const bool was_overtaken = code == absl::StatusCode::kAborted ||
                               (!current.ok() && code == absl::StatusCode::kAlreadyExists);
    if (!was_overtaken || attempt == kMaxAttempts) return outcome;
  }
}

absl::StatusOr<ApplyOutcome> Applier::Update(const DesiredResource& desired,
                                             const Message& current) {
  const MessagePtr bare_current = WithoutOutputOnly(*desired.kind, current);
  const MessagePtr bare_desired = WithoutOutputOnly(*desired.kind, *desired.message);
  if (MessageDifferencer::Equals(*bare_current, *bare_desired)) return ApplyOutcome::kUnchanged;

  // The server may have filled in defaults: only it can tell whether anything changes.
  MessagePtr wanted = NewMessage(desired.kind->resource);
  wanted->CopyFrom(*desired.message);
  const std::string etag = TextField(current, "etag");
  SetTextField(*wanted, "etag", etag);
  TARN_ASSIGN_OR_RETURN(MessagePtr updated, client_.Update(*desired.kind, *wanted));
  return TextField(*updated, "etag") == etag ? ApplyOutcome::kUnchanged : ApplyOutcome::kUpdated;
}

absl::StatusOr<Applier::Preview> Applier::DryRun(const DesiredResource& desired) {
  const absl::StatusOr<MessagePtr> current =
      client_.Get(*desired.kind, TextField(*desired.message, "name"));
  if (current.status().code() == absl::StatusCode::kNotFound) {
    return Preview{.outcome = ApplyOutcome::kCreated, .fields = {}};
  }
  if (!current.ok()) return current.status();
  Preview preview;
  preview.fields = DifferingFields(*WithoutOutputOnly(*desired.kind, **current),
                                   *WithoutOutputOnly(*desired.kind, *desired.message));
  if (!preview.fields.empty()) preview.outcome = ApplyOutcome::kUpdated;
  return preview;
}

}  // namespace tarn::cli
