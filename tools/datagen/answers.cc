#include "tools/datagen/answers.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <absl/strings/str_format.h>
#include <nlohmann/json.hpp>

#include "tools/datagen/units.h"

namespace tarn::datagen {
namespace {

using nlohmann::json;

constexpr double kAlarmingCo = 0.01;

double FromTenThousandths(int64_t value) { return static_cast<double>(value) / 1e4; }
double FourDecimals(long double value) { return FromTenThousandths(std::llround(value * 1e4L)); }

// The mean of temp * 1.8 + 32 over the rounded temperatures.
double MeanFahrenheit(const DeviceAnswers& device) {
  const long double sum = device.temp_hundredths;
  return FourDecimals(sum / 100 * 1.8L / device.messages + 32);
}

json ToJson(const Tally& tally) {
  return {{"rows", tally.rows},
          {"cost_cents", FromTenThousandths(tally.cost)},
          {"kwh", static_cast<double>(tally.kwh_nanos) / 1e9}};
}

json ToJson(const std::map<std::string, Tally>& tallies) {
  json object = json::object();
  for (const auto& [key, tally] : tallies) object[key] = ToJson(tally);
  return object;
}

json ToJson(const SmartHubAnswers& hub) {
  json homes = json::object();
  for (const auto& [id, home] : hub.homes) {
    homes[id] = {{"state", home.state}, {"days", ToJson(home.by_date)}};
  }
  json object = ToJson(hub.total);
  object.update({{"usage_files", hub.usage_files},
                 {"usage_lines", hub.usage_lines},
                 {"unmatched_rows", hub.unmatched_rows},
                 {"rows_outside_date", hub.rows_outside_date},
                 {"rounding_differences", hub.rounding_differences},
                 {"mappings", hub.mappings},
                 {"rates", hub.rates},
                 {"locations_by_state", hub.locations_by_state},
                 {"by_state", ToJson(hub.by_state)},
                 {"by_type", ToJson(hub.by_type)},
                 {"homes", std::move(homes)},
                 {"example",
                  {{"loc_id", hub.example_home},
                   {"date", hub.example_date},
                   {"first_local_time", hub.first_local_time},
                   {"last_local_time", hub.last_local_time},
                   {"by_device", ToJson(hub.example_by_device)},
                   {"by_type_all_days", ToJson(hub.example_by_type)}}}});
  return object;
}

json ToJson(const IotAnswers& iot) {
  json devices = json::object();
  json alarming = json::array();
  for (const auto& [name, device] : iot.devices) {
    devices[name] = {{"messages", device.messages},
                     {"mean_temp_f", MeanFahrenheit(device)},
                     {"co_sum", FromTenThousandths(device.co)},
                     {"co_sum_unrounded", FourDecimals(device.co_unrounded)},
                     {"co_max", device.co_max}};
    if (device.co_max > kAlarmingCo) alarming.push_back(name);
  }
  return {{"messages", iot.messages},
          {"small_messages", iot.small_messages},
          {"devices", std::move(devices)},
          {"devices_with_co_above_0.01", std::move(alarming)},
          {"lpg_sum", FromTenThousandths(iot.lpg)},
          {"smoke_sum", FromTenThousandths(iot.smoke)},
          {"humidity_sum", static_cast<double>(iot.humidity_hundredths) / 100},
          {"distinct_lpg", iot.distinct_lpg.size()}};
}

// "17280" -> "17,280".
std::string Grouped(int64_t value) {
  std::string digits = std::to_string(value);
  for (int at = static_cast<int>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<size_t>(at), 1, ',');
  }
  return digits;
}

std::string Cents(int64_t cost) { return absl::StrFormat("%.4f", FromTenThousandths(cost)); }
std::string Kwh(int64_t nanos) { return DecimalText(nanos, 9); }

void AppendTable(std::string& text, std::string_view heading,
                 const std::map<std::string, Tally>& tallies) {
  std::vector<std::pair<std::string, Tally>> rows(tallies.begin(), tallies.end());
  if (heading != "dt") {  // days stay in their order; everything else is dearest first
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.second.cost > b.second.cost; });
  }
  text += "| ";
  text += heading;
  text += " | rows | cost (cents) | kWh |\n|---|---|---|---|\n";
  for (const auto& [key, tally] : rows) {
    text += "| " + key + " | " + Grouped(tally.rows) + " | " + Cents(tally.cost) + " | " +
            Kwh(tally.kwh_nanos) + " |\n";
  }
  text += "\n";
}

}  // namespace

void Tally::Add(int64_t row_cost, int64_t row_kwh_nanos) {
  ++rows;
  cost += row_cost;
  kwh_nanos += row_kwh_nanos;
}

void Tally::Add(const Tally& other) {
  rows += other.rows;
  cost += other.cost;
  kwh_nanos += other.kwh_nanos;
}

void IotAnswers::Add(const std::string& device, double temp, double humidity, double co,
                     double lpg_sent, double smoke_sent) {
  ++messages;
  DeviceAnswers& of_device = devices[device];
  of_device.co_max = of_device.messages == 0 ? co : std::max(of_device.co_max, co);
  ++of_device.messages;
  of_device.temp_hundredths += std::llround(temp * 100);
  of_device.co += std::llround(co * 1e4);
  of_device.co_unrounded += co;
  const int64_t lpg_rounded = std::llround(lpg_sent * 1e4);
  lpg += lpg_rounded;
  distinct_lpg.insert(lpg_rounded);
  smoke += std::llround(smoke_sent * 1e4);
  humidity_hundredths += std::llround(humidity * 100);
}

std::string AnswersJson(const Answers& answers) {
  const json object = {{"smart_hub", ToJson(answers.smart_hub)}, {"iot", ToJson(answers.iot)}};
  return object.dump(2) + "\n";
}

std::string AnswersMarkdown(const Answers& answers) {
  const SmartHubAnswers& hub = answers.smart_hub;
  std::string text =
      "## Known answers\n\n"
      "Usage joined to location (`loc_id = hash`), to the mapping of its sensor (`loc_id`, sensor "
      "id) and to the\nrate of its state, year, month and hour in the location's own time zone, "
      "`cost = round(kwh * rate, 4)` in cents:\n\n";
  text += "- " + Grouped(hub.total.rows) + " rows of " +
          Grouped(static_cast<int64_t>(hub.homes.size())) + " homes in " +
          Grouped(hub.usage_lines) + " lines and " + Grouped(hub.usage_files) +
          " files; total cost " + Cents(hub.total.cost) + " cents; total " +
          Kwh(hub.total.kwh_nanos) + " kWh; " + Grouped(hub.unmatched_rows) +
          " rows without a location, mapping or rate.\n";
  text += "- " + Grouped(hub.mappings) + " mapping rows, " + Grouped(hub.rates) +
          " rate rows; locations:";
  for (const auto& [state, rows] : hub.locations_by_state) {
    text += " " + state + " " + Grouped(rows);
  }
  text += ".\n";
  text += "- local times of home `" + hub.example_home + "` in `dt=" + hub.example_date +
          "` run from " + hub.first_local_time + " to " + hub.last_local_time + ".\n\n";
  AppendTable(text, "state", hub.by_state);
  AppendTable(text, "type", hub.by_type);
  if (const auto home = hub.homes.find(hub.example_home); home != hub.homes.end()) {
    text += "Home `" + hub.example_home + "` (" + home->second.state + ") by day, by device on " +
            hub.example_date + ", and by type over all days:\n\n";
    AppendTable(text, "dt", home->second.by_date);
    AppendTable(text, "device", hub.example_by_device);
    AppendTable(text, "type", hub.example_by_type);
  }

  const IotAnswers& iot = answers.iot;
  text +=
      "Device messages of `iot/raw_data_large.json`, after rounding temp and humidity to two "
      "decimals and co, lpg,\nsmoke to four, and then turning temp into Fahrenheit (`*1.8+32`):\n\n"
      "| device | messages | mean temp °F | sum of co (unrounded) | largest co as sent |\n"
      "|---|---|---|---|---|\n";
  for (const auto& [name, device] : iot.devices) {
    text += "| " + name + " | " + Grouped(device.messages) + " | " +
            absl::StrFormat("%.4f", MeanFahrenheit(device)) + " | " + Cents(device.co) + " (" +
            absl::StrFormat("%.4f", FourDecimals(device.co_unrounded)) + ") | " +
            absl::StrFormat("%.6f", device.co_max) + " |\n";
  }
  text += "\nOver all " + Grouped(iot.messages) + " messages: sum of lpg " + Cents(iot.lpg) +
          ", sum of smoke " + Cents(iot.smoke) + ", " +
          Grouped(static_cast<int64_t>(iot.distinct_lpg.size())) +
          " distinct lpg, sum of humidity " + DecimalText(iot.humidity_hundredths, 2) +
          ". `iot/raw_data_small.json` has " + Grouped(iot.small_messages) + " messages.\n";
  return text;
}

}  // namespace tarn::datagen
