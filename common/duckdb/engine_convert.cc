#include "common/duckdb/engine_convert.h"

#include <utility>
#include <vector>

#include "common/duckdb/database.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::duckdb::internal {
namespace {

std::string TakeText(char* text) {
  std::string copy = text == nullptr ? "" : text;
  duckdb_free(text);
  return copy;
}

TypeKind KindFromEngine(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
      return TypeKind::kBoolean;
    case DUCKDB_TYPE_TINYINT:
      return TypeKind::kTinyInt;
    case DUCKDB_TYPE_SMALLINT:
      return TypeKind::kSmallInt;
    case DUCKDB_TYPE_INTEGER:
      return TypeKind::kInteger;
    case DUCKDB_TYPE_BIGINT:
      return TypeKind::kBigInt;
    case DUCKDB_TYPE_UTINYINT:
      return TypeKind::kUTinyInt;
    case DUCKDB_TYPE_USMALLINT:
      return TypeKind::kUSmallInt;
    case DUCKDB_TYPE_UINTEGER:
      return TypeKind::kUInteger;
    case DUCKDB_TYPE_UBIGINT:
      return TypeKind::kUBigInt;
    case DUCKDB_TYPE_FLOAT:
      return TypeKind::kFloat;
    case DUCKDB_TYPE_DOUBLE:
      return TypeKind::kDouble;
    case DUCKDB_TYPE_TIMESTAMP:
      return TypeKind::kTimestamp;
    case DUCKDB_TYPE_DATE:
      return TypeKind::kDate;
    case DUCKDB_TYPE_TIME:
      return TypeKind::kTime;
    case DUCKDB_TYPE_INTERVAL:
      return TypeKind::kInterval;
    case DUCKDB_TYPE_HUGEINT:
      return TypeKind::kHugeInt;
    case DUCKDB_TYPE_UHUGEINT:
      return TypeKind::kUHugeInt;
    case DUCKDB_TYPE_VARCHAR:
      return TypeKind::kVarchar;
    case DUCKDB_TYPE_BLOB:
      return TypeKind::kBlob;
    case DUCKDB_TYPE_DECIMAL:
      return TypeKind::kDecimal;
    case DUCKDB_TYPE_TIMESTAMP_S:
      return TypeKind::kTimestampS;
    case DUCKDB_TYPE_TIMESTAMP_MS:
      return TypeKind::kTimestampMs;
    case DUCKDB_TYPE_TIMESTAMP_NS:
      return TypeKind::kTimestampNs;
    case DUCKDB_TYPE_ENUM:
      return TypeKind::kEnum;
    case DUCKDB_TYPE_LIST:
      return TypeKind::kList;
    case DUCKDB_TYPE_STRUCT:
      return TypeKind::kStruct;
    case DUCKDB_TYPE_MAP:
      return TypeKind::kMap;
    case DUCKDB_TYPE_ARRAY:
      return TypeKind::kArray;
    case DUCKDB_TYPE_UUID:
      return TypeKind::kUuid;
    case DUCKDB_TYPE_UNION:
      return TypeKind::kUnion;
    case DUCKDB_TYPE_BIT:
      return TypeKind::kBit;
    case DUCKDB_TYPE_TIME_TZ:
      return TypeKind::kTimeTz;
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      return TypeKind::kTimestampTz;
    case DUCKDB_TYPE_BIGNUM:
      return TypeKind::kBigNum;
    case DUCKDB_TYPE_SQLNULL:
      return TypeKind::kNull;
    case DUCKDB_TYPE_TIME_NS:
      return TypeKind::kTimeNs;
    default:
      return TypeKind::kInvalid;
  }
}

uint8_t StorageBytes(duckdb_type internal_type) {
  switch (internal_type) {
    case DUCKDB_TYPE_UTINYINT:
      return 1;
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_USMALLINT:
      return 2;
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_UINTEGER:
      return 4;
    case DUCKDB_TYPE_BIGINT:
      return 8;
    default:
      return 16;
  }
}

duckdb_hugeint ToHuge(absl::int128 v) {
  return duckdb_hugeint{absl::Int128Low64(v), absl::Int128High64(v)};
}

duckdb_uhugeint ToUhuge(absl::uint128 v) {
  return duckdb_uhugeint{absl::Uint128Low64(v), absl::Uint128High64(v)};
}

absl::Status BadValue(std::string_view message) { return InvalidArgument(kSqlError, message); }

std::vector<duckdb_value> Pointers(const std::vector<EngineValue>& values) {
  std::vector<duckdb_value> pointers;
  for (const EngineValue& value : values) pointers.push_back(value.get());
  return pointers;
}

// The type of the first element that is not NULL, which the others are cast to; the type is owned
// by the value. An empty list has elements of the type of NULL.
EngineType ElementType(const std::vector<EngineValue>& values) {
  for (const EngineValue& value : values) {
    if (!duckdb_is_null_value(value.get())) {
      // A fresh copy, by way of a one-element list, since the value keeps its own.
      EngineType list(duckdb_create_list_type(duckdb_get_value_type(value.get())));
      return EngineType(duckdb_list_type_child_type(list.get()));
    }
  }
  return EngineType(duckdb_create_logical_type(DUCKDB_TYPE_SQLNULL));
}

struct ToEngine {
  using Result = absl::StatusOr<EngineValue>;

  static Result Take(duckdb_value value) {
    if (value == nullptr) return BadValue("the engine cannot hold a parameter's value");
    return EngineValue(value);
  }

  Result operator()(std::monostate) const { return Take(duckdb_create_null_value()); }
  Result operator()(bool v) const { return Take(duckdb_create_bool(v)); }
  Result operator()(int64_t v) const { return Take(duckdb_create_int64(v)); }
  Result operator()(uint64_t v) const { return Take(duckdb_create_uint64(v)); }
  Result operator()(absl::int128 v) const { return Take(duckdb_create_hugeint(ToHuge(v))); }
  Result operator()(absl::uint128 v) const { return Take(duckdb_create_uhugeint(ToUhuge(v))); }
  Result operator()(double v) const { return Take(duckdb_create_double(v)); }
  Result operator()(const std::string& v) const {
    return Take(duckdb_create_varchar_length(v.data(), v.size()));
  }
  Result operator()(const Blob& v) const {
    return Take(
        duckdb_create_blob(reinterpret_cast<const uint8_t*>(v.bytes.data()), v.bytes.size()));
  }
  Result operator()(Date v) const { return Take(duckdb_create_date(duckdb_date{v.days})); }
  Result operator()(const TimeOfDay& v) const {
    if (v.with_offset) {
      return Take(
          duckdb_create_time_tz_value(duckdb_create_time_tz(v.nanos / 1000, v.offset_seconds)));
    }
    if (v.nanos % 1000 != 0) return Take(duckdb_create_time_ns(duckdb_time_ns{v.nanos}));
    return Take(duckdb_create_time(duckdb_time{v.nanos / 1000}));
  }
  Result operator()(const Timestamp& v) const {
    switch (v.unit) {
      case TimeUnit::kSeconds:
        if (v.utc) break;
        return Take(duckdb_create_timestamp_s(duckdb_timestamp_s{v.ticks}));
      case TimeUnit::kMillis:
        if (v.utc) break;
        return Take(duckdb_create_timestamp_ms(duckdb_timestamp_ms{v.ticks}));
      case TimeUnit::kMicros:
        return Take(v.utc ? duckdb_create_timestamp_tz(duckdb_timestamp{v.ticks})
                          : duckdb_create_timestamp(duckdb_timestamp{v.ticks}));
      case TimeUnit::kNanos:
        if (v.utc) break;
        return Take(duckdb_create_timestamp_ns(duckdb_timestamp_ns{v.ticks}));
    }
    return BadValue("a timestamp in UTC must be given in microseconds");
  }
  Result operator()(const Interval& v) const {
    return Take(duckdb_create_interval(duckdb_interval{v.months, v.days, v.micros}));
  }
  Result operator()(const Decimal& v) const {
    if (v.precision < 1 || v.precision > 38 || v.scale > v.precision) {
      return BadValue("a decimal has 1 to 38 digits and no more of them after the point");
    }
    return Take(duckdb_create_decimal(duckdb_decimal{v.precision, v.scale, ToHuge(v.unscaled)}));
  }
  Result operator()(Uuid v) const { return Take(duckdb_create_uuid(ToUhuge(v.bits))); }

  Result operator()(const ListValue& v) const {
    std::vector<EngineValue> items;
    for (const Value& item : v.items) {
      TARN_ASSIGN_OR_RETURN(EngineValue converted, ValueToEngine(item));
      items.push_back(std::move(converted));
    }
    const EngineType type = ElementType(items);
    auto pointers = Pointers(items);
    return Take(duckdb_create_list_value(type.get(), pointers.data(), pointers.size()));
  }

  Result operator()(const StructValue& v) const {
    if (v.fields.empty()) return BadValue("a struct needs at least one field");
    std::vector<EngineValue> fields;
    std::vector<EngineType> types;
    std::vector<duckdb_logical_type> type_pointers;
    std::vector<const char*> names;
    for (const auto& [name, value] : v.fields) {
      TARN_ASSIGN_OR_RETURN(EngineValue converted, ValueToEngine(value));
      std::vector<EngineValue> one;
      one.push_back(std::move(converted));
      types.push_back(ElementType(one));
      fields.push_back(std::move(one[0]));
      type_pointers.push_back(types.back().get());
      names.push_back(name.c_str());
    }
    EngineType type(
        duckdb_create_struct_type(type_pointers.data(), names.data(), type_pointers.size()));
    auto pointers = Pointers(fields);
    return Take(duckdb_create_struct_value(type.get(), pointers.data()));
  }

  Result operator()(const MapValue& v) const {
    std::vector<EngineValue> keys;
    std::vector<EngineValue> values;
    for (const auto& [key, value] : v.entries) {
      TARN_ASSIGN_OR_RETURN(EngineValue engine_key, ValueToEngine(key));
      TARN_ASSIGN_OR_RETURN(EngineValue engine_value, ValueToEngine(value));
      keys.push_back(std::move(engine_key));
      values.push_back(std::move(engine_value));
    }
    const EngineType key_type = ElementType(keys);
    const EngineType value_type = ElementType(values);
    EngineType type(duckdb_create_map_type(key_type.get(), value_type.get()));
    auto key_pointers = Pointers(keys);
    auto value_pointers = Pointers(values);
    return Take(duckdb_create_map_value(type.get(), key_pointers.data(), value_pointers.data(),
                                        keys.size()));
  }
};

}  // namespace

LogicalType TypeFromEngine(duckdb_logical_type type) {
  LogicalType result;
  if (type == nullptr) return result;
  result.kind = KindFromEngine(duckdb_get_type_id(type));
  result.alias = TakeText(duckdb_logical_type_get_alias(type));
  auto add_child = [&result](duckdb_logical_type child) {
    EngineType owned(child);
    result.children.push_back(TypeFromEngine(owned.get()));
  };
  switch (result.kind) {
    case TypeKind::kDecimal:
      result.precision = duckdb_decimal_width(type);
      result.scale = duckdb_decimal_scale(type);
      result.storage_bytes = StorageBytes(duckdb_decimal_internal_type(type));
      break;
    case TypeKind::kEnum:
      result.storage_bytes = StorageBytes(duckdb_enum_internal_type(type));
      for (uint32_t i = 0; i < duckdb_enum_dictionary_size(type); ++i) {
        result.labels.push_back(TakeText(duckdb_enum_dictionary_value(type, i)));
      }
      break;
    case TypeKind::kList:
      add_child(duckdb_list_type_child_type(type));
      break;
    case TypeKind::kArray:
      result.array_size = duckdb_array_type_array_size(type);
      add_child(duckdb_array_type_child_type(type));
      break;
    case TypeKind::kMap:
      add_child(duckdb_map_type_key_type(type));
      add_child(duckdb_map_type_value_type(type));
      break;
    case TypeKind::kStruct:
      for (idx_t i = 0; i < duckdb_struct_type_child_count(type); ++i) {
        result.child_names.push_back(TakeText(duckdb_struct_type_child_name(type, i)));
        add_child(duckdb_struct_type_child_type(type, i));
      }
      break;
    case TypeKind::kUnion:
      for (idx_t i = 0; i < duckdb_union_type_member_count(type); ++i) {
        result.child_names.push_back(TakeText(duckdb_union_type_member_name(type, i)));
        add_child(duckdb_union_type_member_type(type, i));
      }
      break;
    default:
      break;
  }
  return result;
}

absl::StatusOr<EngineType> TypeToEngine(const LogicalType& type) {
  std::vector<EngineType> children;
  std::vector<duckdb_logical_type> pointers;
  for (const LogicalType& child : type.children) {
    TARN_ASSIGN_OR_RETURN(EngineType converted, TypeToEngine(child));
    pointers.push_back(converted.get());
    children.push_back(std::move(converted));
  }
  switch (type.kind) {
    case TypeKind::kDecimal:
      return EngineType(duckdb_create_decimal_type(type.precision, type.scale));
    case TypeKind::kList:
      return EngineType(duckdb_create_list_type(pointers[0]));
    case TypeKind::kMap:
      return EngineType(duckdb_create_map_type(pointers[0], pointers[1]));
    case TypeKind::kStruct: {
      std::vector<const char*> names;
      for (const std::string& name : type.child_names) names.push_back(name.c_str());
      return EngineType(duckdb_create_struct_type(pointers.data(), names.data(), pointers.size()));
    }
    default:
      break;
  }
  static constexpr std::pair<TypeKind, duckdb_type> kPlain[] = {
      {TypeKind::kBoolean, DUCKDB_TYPE_BOOLEAN},
      {TypeKind::kInteger, DUCKDB_TYPE_INTEGER},
      {TypeKind::kBigInt, DUCKDB_TYPE_BIGINT},
      {TypeKind::kFloat, DUCKDB_TYPE_FLOAT},
      {TypeKind::kDouble, DUCKDB_TYPE_DOUBLE},
      {TypeKind::kDate, DUCKDB_TYPE_DATE},
      {TypeKind::kTime, DUCKDB_TYPE_TIME},
      {TypeKind::kTimestamp, DUCKDB_TYPE_TIMESTAMP},
      {TypeKind::kTimestampTz, DUCKDB_TYPE_TIMESTAMP_TZ},
      {TypeKind::kVarchar, DUCKDB_TYPE_VARCHAR},
      {TypeKind::kUuid, DUCKDB_TYPE_UUID},
      {TypeKind::kBlob, DUCKDB_TYPE_BLOB}};
  for (const auto& [kind, engine] : kPlain) {
    if (kind == type.kind) return EngineType(duckdb_create_logical_type(engine));
  }
  return BadValue("rows of our own cannot have a column of type " + type.ToSqlString());
}

ColumnView ChunkBuilder::View(const LogicalType& type, duckdb_vector vector) {
  ColumnView view;
  view.type_ = &type;
  view.data_ = duckdb_vector_get_data(vector);
  view.validity_ = duckdb_vector_get_validity(vector);
  switch (type.kind) {
    case TypeKind::kList:
      view.children_.push_back(View(type.children[0], duckdb_list_vector_get_child(vector)));
      break;
    case TypeKind::kArray:
      view.children_.push_back(View(type.children[0], duckdb_array_vector_get_child(vector)));
      break;
    case TypeKind::kMap: {
      // A list of structs of key and value.
      duckdb_vector entries = duckdb_list_vector_get_child(vector);
      for (idx_t i = 0; i < 2; ++i) {
        view.children_.push_back(
            View(type.children[i], duckdb_struct_vector_get_child(entries, i)));
      }
      break;
    }
    case TypeKind::kStruct:
      for (size_t i = 0; i < type.children.size(); ++i) {
        view.children_.push_back(View(type.children[i], duckdb_struct_vector_get_child(vector, i)));
      }
      break;
    case TypeKind::kUnion:
      // A struct whose first field is the tag.
      view.aux_ = duckdb_vector_get_data(duckdb_struct_vector_get_child(vector, 0));
      for (size_t i = 0; i < type.children.size(); ++i) {
        view.children_.push_back(
            View(type.children[i], duckdb_struct_vector_get_child(vector, i + 1)));
      }
      break;
    default:
      break;
  }
  return view;
}

Chunk ChunkBuilder::Build(duckdb_data_chunk chunk, std::shared_ptr<const Schema> schema,
                          std::shared_ptr<void> keep_open) {
  Chunk result;
  result.size_ = duckdb_data_chunk_get_size(chunk);
  auto columns = std::make_shared<std::vector<ColumnView>>();
  for (size_t i = 0; i < schema->size(); ++i) {
    columns->push_back(View((*schema)[i].type, duckdb_data_chunk_get_vector(chunk, i)));
  }
  result.columns_ = std::move(columns);
  result.schema_ = std::move(schema);
  result.handle_ =
      std::shared_ptr<void>(chunk, [keep_open = std::move(keep_open)](void* engine_chunk) {
        auto owned = static_cast<duckdb_data_chunk>(engine_chunk);
        duckdb_destroy_data_chunk(&owned);
      });
  return result;
}

absl::StatusOr<EngineValue> ValueToEngine(const Value& value) {
  return std::visit(ToEngine{}, value.variant());
}

}  // namespace tarn::duckdb::internal
