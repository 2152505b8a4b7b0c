#include "services/ingestion/stream/stream_definition.h"

#include <algorithm>
#include <set>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/util/time_util.h>

#include "tarn/catalog/v1/table.pb.h"

#include "common/names/names.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/table_schema/system_columns.h"
#include "services/ingestion/payload/payload_reader.h"
#include "services/ingestion/record/partition_writer.h"
#include "services/ingestion/record/schema_learner.h"
#include "services/ingestion/record/stream_columns.h"

namespace tarn::ingestion {
namespace {

constexpr int64_t kMinBytes = 1LL << 20;
constexpr int64_t kMaxBytes = 128LL << 20;
// So that what is acknowledged can be queried within a second.
constexpr absl::Duration kDefaultDelay = absl::Milliseconds(500);
constexpr absl::Duration kMinDelay = absl::Milliseconds(100);
constexpr absl::Duration kMaxDelay = absl::Seconds(900);
constexpr absl::Duration kDefaultRawRetention = absl::Hours(24 * 14);
constexpr absl::Duration kMinRawRetention = absl::Hours(1);
constexpr absl::Duration kMaxRawRetention = absl::Hours(24 * 3650);
constexpr size_t kMaxCommentBytes = 4096;
constexpr char kDefaultCaptureColumn[] = "_extra";
constexpr int kMaxDestinations = 10;

// Keeps each violation of `status`, an error of the field at `field`.
void Take(const absl::Status& status, const std::string& field,
          std::vector<FieldViolation>& violations) {
  if (status.ok()) return;
  const std::vector<FieldViolation> found = FieldViolationsOf(status);
  if (found.empty()) violations.push_back({field, std::string(status.message())});
  for (const FieldViolation& violation : found) violations.push_back(violation);
}

void CheckTable(const std::string& name, const std::string& field,
                std::vector<FieldViolation>& violations) {
  if (const auto table = names::ParseTable(name); !table.ok()) {
    Take(table.status(), field, violations);
  } else if (names::IsReservedDatabase(table->database)) {
    violations.push_back({field, "the database is reserved for Tarn itself"});
  }
}

void NormalizeDelivery(const std::string& path, v1::DeliveryPolicy& delivery,
                       std::vector<FieldViolation>& violations) {
  if (delivery.max_bytes() == 0) delivery.set_max_bytes(kDefaultMaxBytes);
  if (delivery.max_bytes() < kMinBytes || delivery.max_bytes() > kMaxBytes) {
    violations.push_back({path + ".max_bytes", "must be 1 MiB (1048576) to 128 MiB (134217728)"});
  }
  const bool given = delivery.has_max_delay() &&
                     (delivery.max_delay().seconds() != 0 || delivery.max_delay().nanos() != 0);
  if (!given) {
    delivery.mutable_max_delay()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(kDefaultDelay)));
  }
  const absl::Duration delay = absl::Seconds(delivery.max_delay().seconds()) +
                               absl::Nanoseconds(delivery.max_delay().nanos());
  if (delay < kMinDelay || delay > kMaxDelay) {
    violations.push_back({path + ".max_delay", "must be 0.1s to 900s"});
  }
}

void NormalizeRawCopy(const std::string& path, const v1::RawCopy& raw_copy, v1::RawCopy& normal,
                      std::vector<FieldViolation>& violations) {
  int64_t seconds = absl::ToInt64Seconds(kDefaultRawRetention);
  if (raw_copy.has_retention()) seconds = raw_copy.retention().seconds();
  if (raw_copy.retention().nanos() != 0 || seconds < absl::ToInt64Seconds(kMinRawRetention) ||
      seconds > absl::ToInt64Seconds(kMaxRawRetention)) {
    violations.push_back({path + ".retention", "must be 3600s (1 h) to 315360000s (10 years)"});
  }
  normal.mutable_retention()->set_seconds(seconds);
}

// What can be seen of destinations without compiling their activities.
void NormalizeDestinations(const std::string& path, const v1::Stream& stream, v1::Stream& normal,
                           std::vector<FieldViolation>& violations) {
  if (stream.destinations_size() > kMaxDestinations) {
    violations.push_back({path + ".destinations", absl::StrCat("at most ", kMaxDestinations)});
  }
  if (!stream.table().empty() && stream.table() != stream.destinations(0).table()) {
    violations.push_back({path + ".table", "is not the first destination's table; leave it out"});
  }
  if (!stream.partition_fields().empty()) {
    violations.push_back({path + ".partition_fields", "stand in the destination"});
  }
  std::set<std::string> tables;
  for (int i = 0; i < stream.destinations_size(); ++i) {
    const v1::Destination& destination = stream.destinations(i);
    const std::string at = absl::StrCat(path, ".destinations[", i, "]");
    CheckTable(destination.table(), at + ".table", violations);
    if (!tables.insert(destination.table()).second) {
      violations.push_back({at + ".table", "is that of another destination of the stream already"});
    }
    if (stream.columns().empty() &&
        (!destination.activities().empty() || !destination.when().empty())) {
      violations.push_back(
          {path + ".columns", absl::StrCat("a stream with activities or conditions declares its "
                                           "columns: they work on them (destinations[",
                                           i, "])")});
    }
    *normal.add_destinations() = destination;
    normal.mutable_destinations(i)->clear_create_time();
  }
  normal.set_table(stream.destinations(0).table());
}

// Destinations that were there keep their time; the others are there since `now`.
void KeepCreateTimes(const v1::Stream& current, absl::Time now, v1::Stream& next) {
  const std::vector<v1::Destination> known = DestinationsOf(current);
  for (v1::Destination& destination : *next.mutable_destinations()) {
    const auto same = std::find_if(known.begin(), known.end(), [&](const v1::Destination& each) {
      return each.table() == destination.table();
    });
    if (same == known.end()) {
      *destination.mutable_create_time() =
          google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(now));
    } else if (same->has_create_time()) {
      *destination.mutable_create_time() = same->create_time();
    }
  }
}

void NormalizeCapture(const std::string& path, v1::Stream& stream,
                      std::vector<FieldViolation>& violations) {
  const std::string field = path + ".capture_column";
  if (stream.new_field_policy() != v1::NEW_FIELD_POLICY_CAPTURE) {
    if (!stream.capture_column().empty()) {
      violations.push_back({field, "goes with the new_field_policy CAPTURE"});
    }
    return;
  }
  if (stream.capture_column().empty()) stream.set_capture_column(kDefaultCaptureColumn);
  const std::string& name = stream.capture_column();
  if (!IsUsableFieldName(name) || table_schema::IsSystemColumnName(name)) {
    violations.push_back({field,
                          "must be 1 to 255 bytes without control characters, not begin with "
                          "__tarn_, and be none of Tarn's own columns"});
  }
  for (const catalog::v1::Field& column : stream.columns()) {
    if (absl::EqualsIgnoreCase(column.name(), name)) {
      violations.push_back({field, "is declared among the columns; leave it out there"});
    }
  }
}

}  // namespace

std::optional<table_schema::Field> CaptureColumn(const v1::Stream& definition) {
  if (definition.new_field_policy() != v1::NEW_FIELD_POLICY_CAPTURE) return std::nullopt;
  table_schema::Field column;
  column.set_name(definition.capture_column());
  column.set_type("string");
  column.set_doc("fields that the table lacks, as one JSON object");
  return column;
}

table_schema::Fields InputColumns(const v1::Stream& definition) {
  table_schema::Fields columns = definition.columns();
  if (auto capture = CaptureColumn(definition)) *columns.Add() = *std::move(capture);
  return columns;
}

UnknownFields UnknownFieldsOf(const v1::Stream& definition) {
  switch (definition.new_field_policy()) {
    case v1::NEW_FIELD_POLICY_REJECT:
      return {};
    case v1::NEW_FIELD_POLICY_CAPTURE:
      return {UnknownFields::Policy::kCapture, definition.capture_column()};
    default:
      return {UnknownFields::Policy::kLearn, ""};
  }
}

absl::StatusOr<v1::Stream> NormalizeDefinition(const v1::Stream& stream, std::string_view path) {
  const std::string at(path);
  std::vector<FieldViolation> violations;
  const auto take = [&](const absl::Status& status, const std::string& field) {
    Take(status, field, violations);
  };
  v1::Stream normal;
  normal.set_name(stream.name());
  if (const auto id = names::Parse("streams/{stream}", stream.name()); id.ok()) {
    take(names::ValidateId(at + ".name", id->front()), at + ".name");
  } else {
    take(id.status(), at + ".name");
  }
  if (stream.destinations().empty()) {
    normal.set_table(stream.table());
    CheckTable(stream.table(), at + ".table", violations);
  } else {
    NormalizeDestinations(at, stream, normal, violations);
  }
  if (stream.comment().size() > kMaxCommentBytes) {
    violations.push_back({at + ".comment", "at most 4096 bytes"});
  }
  normal.set_comment(stream.comment());
  *normal.mutable_columns() = stream.columns();
  take(CheckStreamColumns(at + ".columns", stream.columns()), at + ".columns");
  *normal.mutable_partition_fields() = stream.partition_fields();
  if (!stream.partition_fields().empty()) {
    catalog::v1::Table table;
    *table.mutable_schema()->mutable_fields() = stream.columns();
    *table.mutable_partition_fields() = stream.partition_fields();
    if (stream.columns().empty()) {
      violations.push_back(
          {at + ".partition_fields",
           "a partitioned stream declares its columns: their types must be known"});
    } else {
      take(CheckPartitionFields(table), at + ".partition_fields");
    }
  }
  *normal.mutable_delivery() = stream.delivery();
  NormalizeDelivery(at + ".delivery", *normal.mutable_delivery(), violations);
  normal.set_new_field_policy(stream.new_field_policy() == v1::NEW_FIELD_POLICY_UNSPECIFIED
                                  ? v1::NEW_FIELD_POLICY_ADD_COLUMN
                                  : stream.new_field_policy());
  if (!v1::NewFieldPolicy_IsValid(stream.new_field_policy())) {
    violations.push_back({at + ".new_field_policy", "must be ADD_COLUMN, REJECT or CAPTURE"});
  }
  normal.set_capture_column(stream.capture_column());
  NormalizeCapture(at, normal, violations);
  if (stream.has_format()) {
    *normal.mutable_format() = stream.format();
    take(CheckPayloadFormat(at + ".format", stream.format()), at + ".format");
  }
  normal.set_paused(stream.paused());
  if (stream.has_deduplication()) {
    *normal.mutable_deduplication() = stream.deduplication();
    if (stream.columns().empty()) {
      violations.push_back(
          {at + ".columns", "a stream that drops duplicates declares its columns: the key is one"});
    }
  }
  if (stream.has_raw_copy()) {
    NormalizeRawCopy(at + ".raw_copy", stream.raw_copy(), *normal.mutable_raw_copy(), violations);
  }
  if (!violations.empty()) return InvalidFields(std::move(violations));
  return normal;
}

absl::StatusOr<v1::Stream> ApplyUpdate(const v1::Stream& current, const v1::Stream& wanted,
                                       const google::protobuf::FieldMask& mask, absl::Time now) {
  v1::Stream next = current;
  const std::vector<std::string> all = {"comment",        "columns",       "partition_fields",
                                        "destinations",   "delivery",      "new_field_policy",
                                        "format",         "deduplication", "paused",
                                        "capture_column", "raw_copy"};
  std::vector<std::string> paths(mask.paths().begin(), mask.paths().end());
  if (paths.empty()) {
    paths = all;
    if (!wanted.table().empty()) paths.push_back("table");
  }
  for (const std::string& path : paths) {
    if (path == "comment") {
      next.set_comment(wanted.comment());
    } else if (path == "columns") {
      *next.mutable_columns() = wanted.columns();
    } else if (path == "partition_fields") {
      *next.mutable_partition_fields() = wanted.partition_fields();
    } else if (path == "destinations") {
      *next.mutable_destinations() = wanted.destinations();
      if (!wanted.destinations().empty()) next.set_table(wanted.destinations(0).table());
    } else if (path == "delivery") {
      *next.mutable_delivery() = wanted.delivery();
    } else if (path == "delivery.max_bytes") {
      next.mutable_delivery()->set_max_bytes(wanted.delivery().max_bytes());
    } else if (path == "delivery.max_delay") {
      *next.mutable_delivery()->mutable_max_delay() = wanted.delivery().max_delay();
    } else if (path == "new_field_policy") {
      next.set_new_field_policy(wanted.new_field_policy());
      // A name that was only the default goes with the policy.
      if (wanted.new_field_policy() != v1::NEW_FIELD_POLICY_CAPTURE) next.clear_capture_column();
    } else if (path == "capture_column") {
      next.set_capture_column(wanted.capture_column());
    } else if (path == "format") {
      next.clear_format();
      if (wanted.has_format()) *next.mutable_format() = wanted.format();
    } else if (path == "paused") {
      next.set_paused(wanted.paused());
    } else if (path == "deduplication") {
      next.clear_deduplication();
      if (wanted.has_deduplication()) *next.mutable_deduplication() = wanted.deduplication();
    } else if (path == "raw_copy") {
      next.clear_raw_copy();
      if (wanted.has_raw_copy()) *next.mutable_raw_copy() = wanted.raw_copy();
    } else if (path == "table") {
      if (next.destinations().empty() && wanted.table() != current.table()) {
        return InvalidFields(
            {{"stream.table",
              absl::StrCat("a stream's table cannot change (it is ", current.table(),
                           "); name both in destinations, or make another "
                           "stream")}});
      }
      next.set_table(wanted.table());
    } else {
      return InvalidFields({{"update_mask", absl::StrCat("a stream has no field \"", path,
                                                         "\" that can be changed")}});
    }
  }
  TARN_ASSIGN_OR_RETURN(v1::Stream normal, NormalizeDefinition(next, "stream"));
  KeepCreateTimes(current, now, normal);
  return normal;
}

}  // namespace tarn::ingestion
