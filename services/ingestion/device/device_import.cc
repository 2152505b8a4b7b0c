#include "services/ingestion/device/device_import.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/ingestion/device/device_csv.h"
#include "services/ingestion/record/json_cursor.h"

namespace tarn::ingestion {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxProblems = 100;
constexpr size_t kMaxColumns = 500;
constexpr std::string_view kMetadataPrefix = "metadata.";

// Gathers devices and what is wrong, by place.
class Import {
 public:
  explicit Import(const v1::ImportDevicesHeader& header) : header_(header) {}

  bool full() const { return problems_.size() >= kMaxProblems; }
  void Problem(std::string place, std::string what) {
    if (!full()) problems_.push_back({std::move(place), std::move(what)});
  }

  void Add(const std::string& place, Device device) {
    if (device.type.empty()) device.type = header_.default_type();
    for (std::string problem :
         {DeviceIdProblem(device.id), DeviceTypeProblem(device.type), DeviceSizeProblem(device)}) {
      if (problem.empty()) continue;
      Problem(place, std::move(problem));
      return;
    }
    const auto [first, fresh] = places_.emplace(device.id, place);
    if (!fresh) {
      Problem(place, absl::StrCat("device \"", device.id, "\" stands on ", first->second, " too"));
      return;
    }
    devices_.push_back(std::move(device));
    if (devices_.size() > kMaxImportDevices) Problem(place, "more than 1,000,000 devices");
  }

  absl::StatusOr<std::vector<Device>> Finish() {
    if (problems_.empty() && devices_.empty()) Problem("line 1", "there is no device");
    if (problems_.empty()) return std::move(devices_);
    // The violations travel as fields; the reason says that they are places in the text.
    const absl::Status fields = InvalidFields(problems_);
    absl::Status status = InvalidArgument(
        "INVALID_IMPORT", absl::StrCat("nothing was imported. ", std::string(fields.message())));
    const std::string type_url(kBadRequestTypeUrl);
    if (const auto payload = fields.GetPayload(type_url)) status.SetPayload(type_url, *payload);
    return status;
  }

 private:
  const v1::ImportDevicesHeader& header_;
  std::vector<Device> devices_;
  std::unordered_map<std::string, std::string> places_;  // by id
  std::vector<FieldViolation> problems_;
};

// ---- JSON

std::string Place(int64_t line) { return absl::StrCat("line ", line); }

// Null, and a problem, unless the text is one JSON value of a bearable depth.
std::optional<Json> ReadValue(Import& import, const std::string& place, std::string_view text) {
  JsonCursor cursor(text);
  JsonToken token = cursor.Next();
  while (token.kind != JsonKind::kEnd && token.kind != JsonKind::kError) token = cursor.Next();
  if (token.kind == JsonKind::kError) {
    import.Problem(place, "is not JSON: " + cursor.error());
    return std::nullopt;
  }
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) {
    import.Problem(place, "holds a number that is too large for a double");
    return std::nullopt;
  }
  return value;
}

void AddJson(Import& import, const std::string& place, const Json& value) {
  if (!value.is_object()) {
    return import.Problem(place, "is no object; a device is {\"id\": …, \"type\": …, …}");
  }
  Device device;
  for (const auto& [key, member] : value.items()) {
    const bool text = key == "id" || key == "type";
    const bool object = key == "attributes" || key == "metadata";
    if (!text && !object) {
      return import.Problem(place, absl::StrCat("\"", key,
                                                "\" is not known; a device has id, type, "
                                                "attributes and metadata"));
    }
    if (text && !member.is_string()) {
      return import.Problem(place, absl::StrCat("\"", key, "\" must be text"));
    }
    if (object && !member.is_object()) {
      return import.Problem(place, absl::StrCat("\"", key, "\" must be an object"));
    }
    if (key == "id") device.id = member.get<std::string>();
    if (key == "type") device.type = member.get<std::string>();
    if (key == "attributes") device.attributes = member.dump();
    if (key == "metadata") device.metadata = member.dump();
  }
  import.Add(place, std::move(device));
}

void ReadJson(Import& import, std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && text[begin] == '[') {
    const std::optional<Json> array = ReadValue(import, "the array", text);
    if (!array) return;
    int64_t item = 0;
    for (const Json& value : *array) {
      if (import.full()) return;
      AddJson(import, absl::StrCat("item ", ++item), value);
    }
    return;
  }
  int64_t line = 0;
  while (!text.empty() && !import.full()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
    if (one.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (const std::optional<Json> value = ReadValue(import, Place(line), one)) {
      AddJson(import, Place(line), *value);
    }
  }
}

// ---- CSV

enum class ColumnKind { kId, kType, kAttribute, kMetadata };

struct Column {
  ColumnKind kind = ColumnKind::kAttribute;
  std::string name;
  bool text = false;  // by its header
  bool all_numbers = true;
  bool all_booleans = true;
};

bool IsJsonNumber(std::string_view text) {
  JsonCursor cursor(text);
  const JsonToken token = cursor.Next();
  return token.kind == JsonKind::kNumber && token.raw.size() == text.size() &&
         cursor.Next().kind == JsonKind::kEnd && !Json::parse(text, nullptr, false).is_discarded();
}

bool IsUtf8(std::string_view text) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(text.begin(), text.end(), is_ascii)) return true;
  const Json value = std::string(text);
  return value.dump(-1, ' ', false, Json::error_handler_t::replace) ==
         value.dump(-1, ' ', false, Json::error_handler_t::ignore);
}

// Empty after a problem.
std::vector<Column> ReadHeader(Import& import, const std::vector<std::string>& cells) {
  std::vector<Column> columns;
  std::set<std::string> seen;
  for (const std::string& cell : cells) {
    Column& column = columns.emplace_back();
    const absl::string_view stripped = absl::StripAsciiWhitespace(cell);
    std::string_view name(stripped.data(), stripped.size());
    if (name.ends_with(":string")) {
      column.text = true;
      name.remove_suffix(std::string_view(":string").size());
    }
    if (name == "id") column.kind = ColumnKind::kId;
    if (name == "type") column.kind = ColumnKind::kType;
    if (name.starts_with(kMetadataPrefix)) {
      column.kind = ColumnKind::kMetadata;
      name.remove_prefix(kMetadataPrefix.size());
    }
    column.name = std::string(name);
    const std::string place = absl::StrCat("line 1, column ", columns.size());
    if (name.empty()) import.Problem(place, "has no name");
    if (!IsUtf8(name)) import.Problem(place, "is not UTF-8");
    if (!seen.insert(cell).second) {
      import.Problem(place, absl::StrCat("\"", column.name, "\" is there twice"));
    }
  }
  if (columns.size() > kMaxColumns) import.Problem("line 1", "has more than 500 columns");
  if (std::none_of(columns.begin(), columns.end(),
                   [](const Column& column) { return column.kind == ColumnKind::kId; })) {
    import.Problem("line 1", "has no column \"id\"");
  }
  return columns;
}

Json ValueOf(const Column& column, const std::string& cell) {
  if (!column.text && column.all_numbers) return Json::parse(cell);
  if (!column.text && column.all_booleans) return cell == "true";
  return cell;
}

void ReadCsv(Import& import, std::string_view text) {
  DeviceCsv reader(text);
  std::vector<std::string> cells;
  if (!reader.Next(cells)) {
    return import.Problem("line 1", reader.error().empty() ? "there is no header" : reader.error());
  }
  std::vector<Column> columns = ReadHeader(import, cells);
  if (import.full() || columns.empty()) return;
  // What a column holds is known when all of it was seen.
  struct CsvRow {
    int64_t line;
    std::vector<std::string> cells;
  };
  std::vector<CsvRow> rows;
  while (reader.Next(cells)) {
    if (import.full()) return;
    if (cells.size() != columns.size()) {
      import.Problem(Place(reader.line()),
                     absl::StrCat("has ", cells.size(), " values; the header has ", columns.size(),
                                  " columns"));
      continue;
    }
    for (size_t i = 0; i < cells.size(); ++i) {
      if (cells[i].empty()) continue;
      if (!IsUtf8(cells[i])) {
        import.Problem(absl::StrCat(Place(reader.line()), ", column ", columns[i].name),
                       "is not UTF-8");
      }
      columns[i].all_numbers = columns[i].all_numbers && IsJsonNumber(cells[i]);
      columns[i].all_booleans =
          columns[i].all_booleans && (cells[i] == "true" || cells[i] == "false");
    }
    if (rows.size() == kMaxImportDevices) {
      return import.Problem(Place(reader.line()), "more than 1,000,000 devices");
    }
    rows.push_back({reader.line(), std::move(cells)});
  }
  if (!reader.error().empty()) import.Problem(Place(reader.line()), reader.error());
  for (const CsvRow& row : rows) {
    if (import.full()) return;
    Device device;
    Json attributes = Json::object();
    Json metadata = Json::object();
    for (size_t i = 0; i < columns.size(); ++i) {
      const std::string& cell = row.cells[i];
      if (cell.empty()) continue;
      switch (columns[i].kind) {
        case ColumnKind::kId:
          device.id = cell;
          break;
        case ColumnKind::kType:
          device.type = cell;
          break;
        case ColumnKind::kAttribute:
          attributes[columns[i].name] = ValueOf(columns[i], cell);
          break;
        case ColumnKind::kMetadata:
          metadata[columns[i].name] = ValueOf(columns[i], cell);
          break;
      }
    }
    // A cell that is not UTF-8 is a problem already, and must not throw here.
    device.attributes = attributes.dump(-1, ' ', false, Json::error_handler_t::replace);
    device.metadata = metadata.dump(-1, ' ', false, Json::error_handler_t::replace);
    import.Add(Place(row.line), std::move(device));
  }
}

}  // namespace

absl::StatusOr<std::vector<Device>> ParseDeviceImport(const v1::ImportDevicesHeader& header,
                                                      std::string_view text) {
  if (!header.default_type().empty()) {
    if (std::string problem = DeviceTypeProblem(header.default_type()); !problem.empty()) {
      return InvalidFields({{"header.default_type", std::move(problem)}});
    }
  }
  Import import(header);
  switch (header.format()) {
    case v1::DEVICE_IMPORT_FORMAT_CSV:
      ReadCsv(import, text);
      break;
    case v1::DEVICE_IMPORT_FORMAT_JSON:
      ReadJson(import, text);
      break;
    default:
      return InvalidFields({{"header.format", "must be CSV or JSON"}});
  }
  return import.Finish();
}

}  // namespace tarn::ingestion
