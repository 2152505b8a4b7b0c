#include "common/duckdb/row_source.h"

#include <algorithm>
#include <atomic>
#include <duckdb.h>
#include <map>
#include <mutex>
#include <optional>

#include <absl/strings/str_cat.h>

#include "common/duckdb/engine_convert.h"
#include "common/duckdb/row_source_function.h"
#include "common/status/error.h"

namespace tarn::duckdb {
namespace {

constexpr char kFunctionName[] = "tarn_rows";

// The sources that are named in SQL right now, of all instances.
struct Sources {
  std::mutex mutex;
  uint64_t last_id = 0;
  std::map<uint64_t, RowSource*> by_id;
};

Sources& AllSources() {
  static auto* const kSources = new Sources;
  return *kSources;
}

uint64_t AddSource(RowSource& source) {
  Sources& sources = AllSources();
  std::lock_guard lock(sources.mutex);
  sources.by_id[++sources.last_id] = &source;
  return sources.last_id;
}

RowSource* FindSource(uint64_t id) {
  Sources& sources = AllSources();
  std::lock_guard lock(sources.mutex);
  const auto found = sources.by_id.find(id);
  return found == sources.by_id.end() ? nullptr : found->second;
}

duckdb_vector Handle(void* vector) { return static_cast<duckdb_vector>(vector); }

}  // namespace

VectorWriter::VectorWriter(const LogicalType& type) : type_(&type) {
  children_.reserve(type.children.size());
  for (const LogicalType& child : type.children) children_.emplace_back(child);
}

void VectorWriter::CollectLists(std::vector<VectorWriter*>& lists) {
  if (IsList()) lists.push_back(this);
  for (VectorWriter& child : children_) child.CollectLists(lists);
}

// The engine gives its vectors new memory for each chunk, and lists when they grow.
void VectorWriter::Bind(void* vector) {
  static_assert(sizeof(StringSlot) == sizeof(duckdb_string_t));
  static_assert(sizeof(ListSlot) == sizeof(duckdb_list_entry));
  vector_ = vector;
  validity_ = duckdb_vector_get_validity(Handle(vector));
  switch (type_->kind) {
    case TypeKind::kStruct:
      for (size_t i = 0; i < children_.size(); ++i) {
        children_[i].Bind(duckdb_struct_vector_get_child(Handle(vector), i));
      }
      break;
    case TypeKind::kList:
      data_ = duckdb_vector_get_data(Handle(vector));
      children_[0].Bind(duckdb_list_vector_get_child(Handle(vector)));
      break;
    case TypeKind::kMap: {
      data_ = duckdb_vector_get_data(Handle(vector));
      duckdb_vector entries = duckdb_list_vector_get_child(Handle(vector));
      children_[0].Bind(duckdb_struct_vector_get_child(entries, 0));
      children_[1].Bind(duckdb_struct_vector_get_child(entries, 1));
      break;
    }
    default:
      data_ = duckdb_vector_get_data(Handle(vector));
  }
}

void VectorWriter::Grow() {
  list_capacity_ = std::max<uint64_t>(duckdb_vector_size(), list_capacity_ * 2);
  // What is already there is kept up to the size that the engine knows.
  duckdb_list_vector_set_size(Handle(vector_), list_size_);
  duckdb_list_vector_reserve(Handle(vector_), list_capacity_);
  Bind(vector_);
}

void VectorWriter::BeginList(uint64_t row) {
  MarkValid(row);
  static_cast<ListSlot*>(data_)[row].offset = list_size_;
}

void VectorWriter::EndList(uint64_t row) {
  ListSlot& slot = static_cast<ListSlot*>(data_)[row];
  slot.length = list_size_ - slot.offset;
}

void VectorWriter::SetNull(uint64_t row) {
  if (validity_ == nullptr) {
    duckdb_vector_ensure_validity_writable(Handle(vector_));
    validity_ = duckdb_vector_get_validity(Handle(vector_));
  }
  validity_[row >> 6] &= ~(uint64_t{1} << (row & 63));
  if (type_->kind == TypeKind::kStruct) {
    for (VectorWriter& child : children_) child.SetNull(row);
  } else if (IsList()) {
    static_cast<ListSlot*>(data_)[row] = {list_size_, 0};
  }
}

void VectorWriter::SetDecimal(uint64_t row, absl::int128 unscaled) {
  switch (type_->storage_bytes) {
    case 2:
      Put(row, static_cast<int16_t>(unscaled));
      break;
    case 4:
      Put(row, static_cast<int32_t>(unscaled));
      break;
    case 8:
      Put(row, static_cast<int64_t>(unscaled));
      break;
    default:
      Put(row, duckdb_hugeint{absl::Int128Low64(unscaled), absl::Int128High64(unscaled)});
  }
}

void VectorWriter::SetUuid(uint64_t row, absl::uint128 bits) {
  // The engine keeps UUIDs as signed numbers that sort alike.
  const uint64_t high = absl::Uint128High64(bits) ^ (uint64_t{1} << 63);
  Put(row, duckdb_hugeint{absl::Uint128Low64(bits), static_cast<int64_t>(high)});
}

ChunkWriter::ChunkWriter(const Schema& schema) {
  columns_.reserve(schema.size());
  for (const Column& column : schema) columns_.emplace_back(column.type);
  for (VectorWriter& column : columns_) column.CollectLists(lists_);
}

void ChunkWriter::Bind(void* chunk) {
  row_ = 0;
  capacity_ = duckdb_vector_size();
  for (VectorWriter* list : lists_) list->list_size_ = list->list_kept_ = list->list_capacity_ = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    columns_[i].Bind(duckdb_data_chunk_get_vector(static_cast<duckdb_data_chunk>(chunk), i));
  }
}

void ChunkWriter::Close(void* chunk) {
  for (VectorWriter* list : lists_) {
    duckdb_list_vector_set_size(Handle(list->vector_), list->list_kept_);
  }
  duckdb_data_chunk_set_size(static_cast<duckdb_data_chunk>(chunk), row_);
}

ScopedRowSource::ScopedRowSource(RowSource& source) : id_(AddSource(source)) {}

ScopedRowSource::~ScopedRowSource() {
  Sources& sources = AllSources();
  std::lock_guard lock(sources.mutex);
  sources.by_id.erase(id_);
}

std::string ScopedRowSource::sql() const { return absl::StrCat(kFunctionName, "(", id_, ")"); }

namespace internal {

struct RowSourceFunction {
  // What one thread needs.
  struct Local {
    explicit Local(RowSource& source) : reader(source.NewReader()), chunk(source.schema()) {}
    std::unique_ptr<RowReader> reader;
    ChunkWriter chunk;
  };

  static void Bind(duckdb_bind_info info) {
    duckdb_value parameter = duckdb_bind_get_parameter(info, 0);
    RowSource* const source = FindSource(static_cast<uint64_t>(duckdb_get_int64(parameter)));
    duckdb_destroy_value(&parameter);
    if (source == nullptr) {
      duckdb_bind_set_error(info, "there is no such row source");
      return;
    }
    for (const Column& column : source->schema()) {
      const absl::StatusOr<EngineType> type = TypeToEngine(column.type);
      if (!type.ok()) {
        duckdb_bind_set_error(info, std::string(type.status().message()).c_str());
        return;
      }
      duckdb_bind_add_result_column(info, column.name.c_str(), type->get());
    }
    duckdb_bind_set_cardinality(info, source->row_estimate(), false);
    duckdb_bind_set_bind_data(info, source, nullptr);
  }

  static void Init(duckdb_init_info info) {
    auto* const source = static_cast<RowSource*>(duckdb_init_get_bind_data(info));
    duckdb_init_set_max_threads(info, static_cast<idx_t>(std::max(1, source->max_readers())));
  }

  static void InitThread(duckdb_init_info info) {
    auto* const source = static_cast<RowSource*>(duckdb_init_get_bind_data(info));
    duckdb_init_set_init_data(info, new Local(*source),
                              [](void* local) { delete static_cast<Local*>(local); });
  }

  static void Read(duckdb_function_info info, duckdb_data_chunk output) {
    auto* const local = static_cast<Local*>(duckdb_function_get_local_init_data(info));
    local->chunk.Bind(output);
    if (absl::Status status = local->reader->Read(local->chunk); !status.ok()) {
      duckdb_function_set_error(info, std::string(status.message()).c_str());
      duckdb_data_chunk_set_size(output, 0);
      return;
    }
    local->chunk.Close(output);
  }
};

absl::Status RegisterRowSourceFunction(duckdb_connection connection) {
  duckdb_table_function function = duckdb_create_table_function();
  duckdb_logical_type parameter = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
  duckdb_table_function_set_name(function, kFunctionName);
  duckdb_table_function_add_parameter(function, parameter);
  duckdb_table_function_set_bind(function, RowSourceFunction::Bind);
  duckdb_table_function_set_init(function, RowSourceFunction::Init);
  duckdb_table_function_set_local_init(function, RowSourceFunction::InitThread);
  duckdb_table_function_set_function(function, RowSourceFunction::Read);
  const duckdb_state registered = duckdb_register_table_function(connection, function);
  duckdb_destroy_logical_type(&parameter);
  duckdb_destroy_table_function(&function);
  if (registered != DuckDBSuccess) {
    return Internal("ENGINE_ANSWER", "the engine did not take the table function of row sources");
  }
  return absl::OkStatus();
}

}  // namespace internal
}  // namespace tarn::duckdb
