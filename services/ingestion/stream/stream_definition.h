// The rules of a stream's definition. Pure functions; any thread.
#pragma once

#include <optional>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/field_mask.pb.h>

#include "common/table_schema/engine_types.h"
#include "services/ingestion/record/record_matcher.h"
#include "services/ingestion/stream/stream.h"

namespace tarn::ingestion {

inline constexpr int64_t kDefaultMaxBytes = 32LL << 20;

// Only the input fields, with the defaults filled in. INVALID_ARGUMENT (INVALID_FIELD) lists what
// is wrong; `path` is where the stream stands in the request ("stream").
absl::StatusOr<v1::Stream> NormalizeDefinition(const v1::Stream& stream, std::string_view path);

// `current` with the fields of `mask` (all that may change when it is empty) from `wanted`.
// Destinations that are new are there since `now`. INVALID_ARGUMENT for a path that is unknown or
// cannot change, and for another `table` without destinations.
absl::StatusOr<v1::Stream> ApplyUpdate(const v1::Stream& current, const v1::Stream& wanted,
                                       const google::protobuf::FieldMask& mask, absl::Time now);

// The column that captures fields which the table lacks; nothing unless the stream captures.
std::optional<table_schema::Field> CaptureColumn(const v1::Stream& definition);
// The columns of its records: those that are declared, and the one that captures.
table_schema::Fields InputColumns(const v1::Stream& definition);
UnknownFields UnknownFieldsOf(const v1::Stream& definition);

}  // namespace tarn::ingestion
