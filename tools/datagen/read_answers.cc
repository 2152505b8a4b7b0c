#include "tools/datagen/read_answers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <absl/strings/str_format.h>
#include <date/tz.h>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "tools/datagen/csv_reader.h"
#include "tools/datagen/files.h"
#include "tools/datagen/parallel.h"
#include "tools/datagen/units.h"

namespace tarn::datagen {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

struct Location {
  std::string state;
  const date::time_zone* zone = nullptr;
};

struct Rate {
  std::string type;
  double rate = 0;
  int64_t nanos = 0;
};

using RateKey = std::tuple<std::string, int, int, int>;  // state, year, month, hour

// The three dimensions that usage is joined to; read-only while usage is read.
struct Dimensions {
  std::unordered_map<std::string, Location> locations;  // by hash
  std::vector<std::string> location_order;              // hashes, by file and row
  std::map<std::pair<std::string, std::string>, std::string> descriptions;  // by loc_id, sensor
  std::map<RateKey, Rate> rates;
};

absl::Status BadFile(const fs::path& path, std::string_view problem) {
  return InvalidArgument("BAD_SAMPLE_FILE", path.string() + ": " + std::string(problem));
}

absl::Status BadLine(const fs::path& path, size_t line, std::string_view problem) {
  return InvalidArgument("BAD_SAMPLE_FILE",
                         path.string() + ":" + std::to_string(line) + ": " + std::string(problem));
}

// "…/dt=2019-12-21/x.json", "dt" -> "2019-12-21".
absl::StatusOr<std::string> PartitionValue(const fs::path& path, std::string_view key) {
  const std::string folder = path.parent_path().filename().string();
  const std::string prefix = std::string(key) + "=";
  if (folder.starts_with(prefix)) return folder.substr(prefix.size());
  return BadFile(path, "is not in a folder '" + prefix + "…'");
}

std::optional<int> ToInt(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Calls body(line number, object) for every line that is not empty.
template <typename Body>
absl::Status ForEachJsonLine(const fs::path& path, Body body) {
  TARN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    ++number;
    const auto first = text.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = text.begin() + static_cast<std::ptrdiff_t>(end);
    begin = end + 1;
    if (std::all_of(first, last, [](char c) { return c == ' ' || c == '\r' || c == '\t'; }))
      continue;
    const json object = json::parse(first, last, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) return BadLine(path, number, "is not one JSON object");
    TARN_RETURN_IF_ERROR(body(number, object));
  }
  return absl::OkStatus();
}

// A member that has to be there, or nullptr.
const json* Member(const json& object, const char* name, bool (json::*is_type)() const noexcept) {
  const auto it = object.find(name);
  return it != object.end() && ((*it).*is_type)() ? &*it : nullptr;
}

const std::string* TextMember(const json& object, const char* name) {
  const json* value = Member(object, name, &json::is_string);
  return value == nullptr ? nullptr : value->get_ptr<const std::string*>();
}

absl::Status ReadLocations(const fs::path& dir, Dimensions& dimensions, SmartHubAnswers& answers) {
  TARN_ASSIGN_OR_RETURN(const std::vector<fs::path> files, FilesBelow(dir, ".csv"));
  for (const fs::path& path : files) {
    TARN_ASSIGN_OR_RETURN(const std::string state, PartitionValue(path, "state"));
    TARN_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
    absl::StatusOr<CsvTable> table = ParseCsv(text);
    if (!table.ok()) return Annotate(table.status(), path.string());
    const absl::StatusOr<size_t> hash = table->Column("hash"), zone = table->Column("tz");
    if (!hash.ok()) return Annotate(hash.status(), path.string());
    if (!zone.ok()) return Annotate(zone.status(), path.string());
    for (const std::vector<std::string>& row : table->rows) {
      Location location{state, nullptr};
      try {
        location.zone = date::locate_zone(row[*zone]);
      } catch (const std::runtime_error&) {
        return BadFile(path, "'" + row[*zone] + "' is not a time zone");
      }
      if (!dimensions.locations.emplace(row[*hash], location).second) {
        return BadFile(path,
                       "the hash " + row[*hash] + " is there twice; a join would double rows");
      }
      dimensions.location_order.push_back(row[*hash]);
      ++answers.locations_by_state[state];
    }
  }
  return absl::OkStatus();
}

absl::Status ReadMappings(const fs::path& dir, Dimensions& dimensions, SmartHubAnswers& answers) {
  TARN_ASSIGN_OR_RETURN(const std::vector<fs::path> files, FilesBelow(dir, ".json"));
  for (const fs::path& path : files) {
    const auto add_mapping = [&](size_t line, const json& object) -> absl::Status {
      const std::string* loc_id = TextMember(object, "loc_id");
      const std::string* id = TextMember(object, "id");
      const std::string* description = TextMember(object, "description");
      if (loc_id == nullptr || id == nullptr || description == nullptr) {
        return BadLine(path, line, "lacks loc_id, id or description");
      }
      if (!dimensions.descriptions.emplace(std::pair(*loc_id, *id), *description).second) {
        return BadLine(path, line, "this sensor is mapped twice; a join would double rows");
      }
      ++answers.mappings;
      return absl::OkStatus();
    };
    TARN_RETURN_IF_ERROR(ForEachJsonLine(path, add_mapping));
  }
  return absl::OkStatus();
}

absl::Status ReadRates(const fs::path& dir, Dimensions& dimensions, SmartHubAnswers& answers) {
  TARN_ASSIGN_OR_RETURN(const std::vector<fs::path> files, FilesBelow(dir, ".xml"));
  for (const fs::path& path : files) {
    pugi::xml_document document;
    const pugi::xml_parse_result parsed = document.load_file(path.c_str());
    if (!parsed) return BadFile(path, parsed.description());
    for (const pugi::xml_node row : document.child("root").children("row")) {
      const std::string_view from = row.child_value("from");
      const std::optional<int> year = ToInt(row.child_value("year"));
      const std::optional<int> month = ToInt(row.child_value("month"));
      const std::optional<int> hour = ToInt(from.substr(0, 2));
      const std::string_view text = row.child_value("rate");
      Rate rate{row.child_value("type")};
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate.rate);
      if (!year || !month || !hour || error != std::errc() || end != text.data() + text.size()) {
        return BadFile(path, "the row at byte " + std::to_string(row.offset_debug()) +
                                 " lacks a year, month, from or rate");
      }
      absl::StatusOr<int64_t> nanos = ExactNanos(rate.rate);
      if (!nanos.ok()) return Annotate(nanos.status(), path.string());
      rate.nanos = *nanos;
      if (!dimensions.rates
               .emplace(RateKey(row.child_value("state"), *year, *month, *hour), std::move(rate))
               .second) {
        return BadFile(path, "the row at byte " + std::to_string(row.offset_debug()) +
                                 " repeats a state and hour; a join would double rows");
      }
      ++answers.rates;
    }
  }
  return absl::OkStatus();
}

// Local time in one zone, for moments that mostly ascend: the zone is asked once an offset.
class LocalClock {
 public:
  struct Reading {
    date::year_month_day day;
    int64_t second_of_day;
  };

  explicit LocalClock(const date::time_zone* zone) : zone_(zone) {}

  Reading At(int64_t epoch_seconds) {
    const date::sys_seconds now{std::chrono::seconds(epoch_seconds)};
    if (!info_ || now < info_->begin || now >= info_->end) info_ = zone_->get_info(now);
    const date::local_seconds local{now.time_since_epoch() + info_->offset};
    const date::local_days day = date::floor<date::days>(local);
    return {date::year_month_day(day), (local - day).count()};
  }

 private:
  const date::time_zone* zone_;
  std::optional<date::sys_info> info_;
};

std::string DateText(const date::year_month_day& day) {
  return absl::StrFormat("%04d-%02u-%02u", static_cast<int>(day.year()),
                         static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

std::string TimeText(int64_t second_of_day) {
  return absl::StrFormat("%02d:%02d:%02d", second_of_day / 3600, second_of_day / 60 % 60,
                         second_of_day % 60);
}

// Adds `from` to `to`; example and dimension fields are not touched.
void MergeUsage(const SmartHubAnswers& from, SmartHubAnswers& to) {
  to.usage_files += from.usage_files;
  to.usage_lines += from.usage_lines;
  to.unmatched_rows += from.unmatched_rows;
  to.rows_outside_date += from.rows_outside_date;
  to.rounding_differences += from.rounding_differences;
  to.total.Add(from.total);
  for (const auto& [state, tally] : from.by_state) to.by_state[state].Add(tally);
  for (const auto& [type, tally] : from.by_type) to.by_type[type].Add(tally);
  for (const auto& [id, home] : from.homes) {
    HomeAnswers& into = to.homes[id];
    into.state = home.state;
    for (const auto& [day, tally] : home.by_date) into.by_date[day].Add(tally);
  }
}

// What one usage row is joined to; called for each matched row.
struct JoinedRow {
  const std::string& loc_id;
  const std::string& dt;
  const Location& location;
  const std::string& device;
  const Rate& rate;
  int64_t second_of_day;
  int64_t cost;
  int64_t kwh_nanos;
};

// Reads one file of usage, counts lines and oddities into `answers` and calls visit(JoinedRow).
template <typename Visit>
absl::Status ReadUsage(const fs::path& path, const Dimensions& dimensions, SmartHubAnswers& answers,
                       Visit visit) {
  TARN_ASSIGN_OR_RETURN(const std::string dt, PartitionValue(path, "dt"));
  std::map<const date::time_zone*, LocalClock> clocks;
  ++answers.usage_files;
  return ForEachJsonLine(path, [&](size_t line, const json& object) -> absl::Status {
    const std::string* loc_id = TextMember(object, "loc_id");
    const json* ts = Member(object, "ts", &json::is_number_integer);
    const json* data = Member(object, "data", &json::is_object);
    if (loc_id == nullptr || ts == nullptr || data == nullptr) {
      return BadLine(path, line, "lacks loc_id, ts or data");
    }
    ++answers.usage_lines;
    const auto location = dimensions.locations.find(*loc_id);
    if (location == dimensions.locations.end()) {
      answers.unmatched_rows += static_cast<int64_t>(data->size());
      return absl::OkStatus();
    }
    const date::time_zone* zone = location->second.zone;
    const LocalClock::Reading local = clocks.try_emplace(zone, zone).first->second.At(*ts);
    const auto rate =
        dimensions.rates.find(RateKey(location->second.state, static_cast<int>(local.day.year()),
                                      static_cast<int>(static_cast<unsigned>(local.day.month())),
                                      static_cast<int>(local.second_of_day / 3600)));
    if (DateText(local.day) != dt) answers.rows_outside_date += static_cast<int64_t>(data->size());
    for (const auto& [sensor, value] : data->items()) {
      const auto device = dimensions.descriptions.find(std::pair(*loc_id, sensor));
      if (rate == dimensions.rates.end() || device == dimensions.descriptions.end()) {
        ++answers.unmatched_rows;
        continue;
      }
      if (!value.is_number()) return BadLine(path, line, sensor + " is not a number");
      const double kwh = value.template get<double>();
      const absl::StatusOr<int64_t> nanos = ExactNanos(kwh);
      if (!nanos.ok()) return Annotate(nanos.status(), path.string() + ":" + std::to_string(line));
      const int64_t cost = CostOf(*nanos, rate->second.nanos);
      if (cost != CostInDoubles(kwh, rate->second.rate)) ++answers.rounding_differences;
      visit(JoinedRow{*loc_id, dt, location->second, device->second, rate->second,
                      local.second_of_day, cost, *nanos});
    }
    return absl::OkStatus();
  });
}

// Reads the files of the example home again, for its details.
absl::Status ReadExample(const std::map<std::string, std::set<fs::path>>& files_of_home,
                         const Dimensions& dimensions, SmartHubAnswers& answers) {
  const auto example =
      std::find_if(dimensions.location_order.begin(), dimensions.location_order.end(),
                   [&](const std::string& hash) { return answers.homes.contains(hash); });
  if (example == dimensions.location_order.end()) return absl::OkStatus();
  answers.example_home = *example;
  answers.example_date = answers.homes[*example].by_date.begin()->first;
  int64_t first = 86400, last = 0;
  for (const fs::path& path : files_of_home.at(*example)) {
    SmartHubAnswers ignored;  // counted already
    TARN_RETURN_IF_ERROR(ReadUsage(path, dimensions, ignored, [&](const JoinedRow& row) {
      if (row.loc_id != *example) return;
      answers.example_by_type[row.rate.type].Add(row.cost, row.kwh_nanos);
      if (row.dt != answers.example_date) return;
      answers.example_by_device[row.device].Add(row.cost, row.kwh_nanos);
      first = std::min(first, row.second_of_day);
      last = std::max(last, row.second_of_day);
    }));
  }
  answers.first_local_time = TimeText(first);
  answers.last_local_time = TimeText(last);
  return absl::OkStatus();
}

absl::StatusOr<SmartHubAnswers> ReadSmartHub(const fs::path& dir, int threads) {
  SmartHubAnswers answers;
  Dimensions dimensions;
  TARN_RETURN_IF_ERROR(ReadLocations(dir / "locations", dimensions, answers));
  TARN_RETURN_IF_ERROR(ReadMappings(dir / "mappings", dimensions, answers));
  TARN_RETURN_IF_ERROR(ReadRates(dir / "rates", dimensions, answers));
  TARN_ASSIGN_OR_RETURN(const std::vector<fs::path> files, FilesBelow(dir / "usage", ".json"));
  std::mutex mutex;
  std::map<std::string, std::set<fs::path>> files_of_home;
  const auto read_file = [&](size_t i) -> absl::Status {
    SmartHubAnswers of_file;
    TARN_RETURN_IF_ERROR(ReadUsage(files[i], dimensions, of_file, [&](const JoinedRow& row) {
      of_file.total.Add(row.cost, row.kwh_nanos);
      of_file.by_state[row.location.state].Add(row.cost, row.kwh_nanos);
      of_file.by_type[row.rate.type].Add(row.cost, row.kwh_nanos);
      HomeAnswers& home = of_file.homes[row.loc_id];
      home.state = row.location.state;
      home.by_date[row.dt].Add(row.cost, row.kwh_nanos);
    }));
    const std::lock_guard lock(mutex);
    MergeUsage(of_file, answers);
    for (const auto& [id, home] : of_file.homes) files_of_home[id].insert(files[i]);
    return absl::OkStatus();
  };
  TARN_RETURN_IF_ERROR(ParallelFor(files.size(), threads, read_file));
  TARN_RETURN_IF_ERROR(ReadExample(files_of_home, dimensions, answers));
  return answers;
}

// Reads one JSON array of messages without keeping them, and calls visit(message).
template <typename Visit>
absl::Status ForEachMessage(const fs::path& path, Visit visit) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    return FailedPrecondition("FILE_NOT_READABLE", "cannot read " + path.string());
  }
  absl::Status status;
  size_t index = 0;
  // A message is an object at depth one; it is handed on and then dropped.
  const auto on_event = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth != 1 || event != json::parse_event_t::object_end) return true;
    if (status.ok() && !visit(parsed)) {
      status = BadFile(path, "message " + std::to_string(index) +
                                 " lacks device or one of data.temp, humidity, co, lpg, smoke");
    }
    ++index;
    return false;
  };
  const json document = json::parse(stream, on_event, /*allow_exceptions=*/false);
  if (!document.is_array()) return BadFile(path, "is not one JSON array of messages");
  return status;
}

absl::StatusOr<IotAnswers> ReadIot(const fs::path& dir) {
  IotAnswers answers;
  TARN_RETURN_IF_ERROR(ForEachMessage(dir / "raw_data_large.json", [&](const json& message) {
    const std::string* device = TextMember(message, "device");
    const json* data = Member(message, "data", &json::is_object);
    if (device == nullptr || data == nullptr) return false;
    std::array<double, 5> values{};
    size_t at = 0;
    for (const char* name : {"temp", "humidity", "co", "lpg", "smoke"}) {
      const json* value = Member(*data, name, &json::is_number);
      if (value == nullptr) return false;
      values[at++] = value->get<double>();
    }
    answers.Add(*device, values[0], values[1], values[2], values[3], values[4]);
    return true;
  }));
  TARN_RETURN_IF_ERROR(ForEachMessage(dir / "raw_data_small.json", [&](const json&) {
    ++answers.small_messages;
    return true;
  }));
  return answers;
}

}  // namespace

absl::StatusOr<Answers> ComputeAnswers(const fs::path& dir, int threads) {
  Answers answers;
  TARN_ASSIGN_OR_RETURN(answers.smart_hub, ReadSmartHub(dir / "smart_hub", threads));
  TARN_ASSIGN_OR_RETURN(answers.iot, ReadIot(dir / "iot"));
  return answers;
}

}  // namespace tarn::datagen
