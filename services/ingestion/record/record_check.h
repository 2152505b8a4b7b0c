// What is looked at before a record is acknowledged: that it is one JSON object of a bearable size.
// Whether its fields fit the table is found at delivery. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tarn::ingestion {

inline constexpr size_t kMaxRecordBytes = 1u << 20;
inline constexpr size_t kMaxRequestBytes = 4u << 20;
inline constexpr int kMaxRequestRecords = 10'000;

inline constexpr char kInvalidJson[] = "INVALID_JSON";
inline constexpr char kNotAnObject[] = "NOT_AN_OBJECT";
inline constexpr char kRecordTooLarge[] = "RECORD_TOO_LARGE";
inline constexpr char kTypeMismatch[] = "TYPE_MISMATCH";
inline constexpr char kOutOfRange[] = "OUT_OF_RANGE";
inline constexpr char kUnknownField[] = "UNKNOWN_FIELD";
inline constexpr char kDuplicateField[] = "DUPLICATE_FIELD";
inline constexpr char kInvalidFieldName[] = "INVALID_FIELD_NAME";
inline constexpr char kMissingField[] = "MISSING_FIELD";
inline constexpr char kNoFields[] = "NO_FIELDS";
inline constexpr char kWalDamaged[] = "WAL_DAMAGED";

// Why a record is refused, or goes to the dead letters.
struct RecordError {
  std::string reason;
  std::string field;  // by its path, "data.co", "tags[3]"; "" where none is to blame
  std::string message;
  // Whether the record may fit once a SchemaLearner has seen it (UnknownFields::Policy::kLearn).
  bool teaches = false;
};

std::optional<RecordError> CheckRecord(std::string_view record);
// INVALID_JSON alone: whether it is one JSON value, of any kind and size.
std::optional<RecordError> CheckJson(std::string_view record);

}  // namespace tarn::ingestion
