#include "tools/datagen/smart_hub_writer.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include "common/status/status_macros.h"
#include "tools/datagen/files.h"
#include "tools/datagen/iot_writer.h"
#include "tools/datagen/parallel.h"
#include "tools/datagen/units.h"

namespace tarn::datagen {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kNanosPerKwhUnit = 10'000;  // from 1/100,000
constexpr int64_t kNanosPerRateThousandth = 1'000'000;
constexpr const char* kSensorNames[kSensors] = {"s_01", "s_02", "s_03", "s_04", "s_05",
                                                "s_06", "s_07", "s_08", "s_09", "s_10"};

// The home's day, summed by type of rate.
using DayTally = std::array<Tally, kRateTypes>;

std::string DateText(absl::CivilDay date) { return absl::FormatCivilTime(date); }

// Appends "0.29267".
void AppendKwh(std::string& text, int32_t units) {
  if (units == 0) {
    text += '0';
    return;
  }
  text += DecimalText(units, 5);
}

int64_t RowCost(const Home& home, absl::CivilDay date, int type, int32_t units) {
  const int64_t rate = SmartHubModel::RateThousandths(home.state, absl::CivilMonth(date), type);
  return CostOf(units * kNanosPerKwhUnit, rate * kNanosPerRateThousandth);
}

DayTally SumDay(const Home& home, absl::CivilDay date, const std::vector<Slot>& slots) {
  DayTally tally;
  for (const Slot& slot : slots) {
    const int type = SmartHubModel::RateType(slot.hour);
    for (const int32_t units : slot.kwh_units) {
      tally[static_cast<size_t>(type)].Add(RowCost(home, date, type, units),
                                           units * kNanosPerKwhUnit);
    }
  }
  return tally;
}

std::string UsageText(const Home& home, const std::vector<Slot>& slots, bool last_newline) {
  std::string text;
  text.reserve(slots.size() * 180);
  for (const Slot& slot : slots) {
    absl::StrAppend(&text, "{\"loc_id\":\"", home.loc_id, "\",\"ts\":", slot.ts, ",\"data\":{");
    for (size_t sensor = 0; sensor < kSensors; ++sensor) {
      text += sensor == 0 ? "\"" : ",\"";
      text += kSensorNames[sensor];
      text += "\":";
      AppendKwh(text, slot.kwh_units[sensor]);
    }
    text += "}}\n";
  }
  if (!last_newline) text.pop_back();
  return text;
}

absl::Status WriteMappings(const SmartHubModel& model, const fs::path& dir,
                           SmartHubAnswers& answers) {
  for (const StateProfile& state : kStates) {
    const bool used = std::any_of(
        model.homes().begin(), model.homes().end(),
        [&](const Home& home) { return &kStates[static_cast<size_t>(home.state)] == &state; });
    if (used) TARN_RETURN_IF_ERROR(MakeFolder(dir / (std::string("state=") + state.code)));
  }
  for (const Home& home : model.homes()) {
    std::string text;
    for (int sensor = 0; sensor < kSensors; ++sensor) {
      const Appliance& appliance = model.ApplianceOf(home, sensor);
      absl::StrAppendFormat(&text,
                            "{\"loc_id\":\"%s\",\"id\":\"%s\",\"description\":\"%s\",\"location\":"
                            "\"%s\",\"watts\":%d,\"last_modified\":%d}\n",
                            home.loc_id, kSensorNames[sensor], appliance.description,
                            appliance.location, appliance.watts, home.mapped_at);
      ++answers.mappings;
    }
    const StateProfile& state = kStates[static_cast<size_t>(home.state)];
    TARN_RETURN_IF_ERROR(WriteFile(dir / (std::string("state=") + state.code) /
                                       absl::StrFormat("%s_%d.json", home.loc_id, home.mapped_at),
                                   text));
  }
  return absl::OkStatus();
}

absl::Status WriteLocations(const SmartHubModel& model, const fs::path& dir,
                            SmartHubAnswers& answers) {
  for (size_t s = 0; s < kStates.size(); ++s) {
    const StateProfile& state = kStates[s];
    std::string text = "lon,lat,number,street,unit,city,district,region,postcode,id,hash,tz";
    text += state.line_end;
    for (const Location& location : model.locations(static_cast<int>(s))) {
      absl::StrAppend(&text, location.lon, ",", location.lat, ",", location.number, ",",
                      location.street, ",", location.unit, ",,,,", location.postcode, ",,",
                      location.hash, ",", state.zone_name, state.line_end);
      ++answers.locations_by_state[state.code];
    }
    const fs::path folder = dir / (std::string("state=") + state.code);
    TARN_RETURN_IF_ERROR(MakeFolder(folder));
    // Published at eight in the morning, UTC.
    const int64_t published =
        absl::ToUnixSeconds(absl::FromCivil(model.options().start - state.published_days_before,
                                            absl::UTCTimeZone())) +
        8 * 3600;
    TARN_RETURN_IF_ERROR(
        WriteFile(folder / absl::StrFormat("%s_%d.csv", state.file_stem, published), text));
  }
  return absl::OkStatus();
}

absl::Status WriteRates(const SmartHubModel& model, const fs::path& dir, SmartHubAnswers& answers) {
  TARN_RETURN_IF_ERROR(MakeFolder(dir));
  for (const absl::CivilMonth month : model.months()) {
    std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<root>\n";
    for (size_t s = 0; s < kStates.size(); ++s) {
      for (int hour = 0; hour < 24; ++hour) {
        const int type = SmartHubModel::RateType(hour);
        absl::StrAppendFormat(
            &text,
            "    <row>\n        <state>%s</state>\n        <year>%d</year>\n        "
            "<month>%d</month>\n"
            "        <from>%02d:00:00</from>\n        <to>%02d:59:59</to>\n        "
            "<type>%s</type>\n"
            "        <rate>%s</rate>\n    </row>\n",
            kStates[s].code, month.year(), month.month(), hour, hour,
            kRateTypeNames[static_cast<size_t>(type)],
            DecimalText(SmartHubModel::RateThousandths(static_cast<int>(s), month, type), 3));
        ++answers.rates;
      }
    }
    text += "</root>\n";
    // Dated seven in the morning, UTC, of the second of the month.
    const int64_t published =
        absl::ToUnixSeconds(absl::FromCivil(absl::CivilDay(month) + 1, absl::UTCTimeZone())) +
        7 * 3600;
    TARN_RETURN_IF_ERROR(WriteFile(
        dir / absl::StrFormat("%d_%02d_%d.xml", month.year(), month.month(), published), text));
  }
  return absl::OkStatus();
}

absl::Status WriteUsage(const SmartHubModel& model, const fs::path& dir, SmartHubAnswers& answers) {
  const auto days = static_cast<size_t>(model.options().days);
  const size_t count = model.homes().size() * days;
  for (size_t day = 0; day < days; ++day) {
    TARN_RETURN_IF_ERROR(MakeFolder(dir / ("dt=" + DateText(model.Date(static_cast<int>(day))))));
  }
  std::vector<DayTally> tallies(count);
  TARN_RETURN_IF_ERROR(ParallelFor(count, model.options().threads, [&](size_t i) {
    // By day and then home: files of one folder are written together.
    const size_t home_index = i % model.homes().size(), day = i / model.homes().size();
    const Home& home = model.homes()[home_index];
    const absl::CivilDay date = model.Date(static_cast<int>(day));
    const std::vector<Slot> slots = MakeDay(model, home_index, static_cast<int>(day));
    tallies[i] = SumDay(home, date, slots);
    // As in the real files, one lacks its last newline, and has an odd digit too many in its name.
    const bool odd = i + 1 == count;
    return WriteFile(
        dir / ("dt=" + DateText(date)) /
            absl::StrFormat("%s_%d%s.json", home.loc_id, slots.front().ts, odd ? "1" : ""),
        UsageText(home, slots, !odd));
  }));

  const size_t example = model.ExampleHome();
  answers.usage_files = static_cast<int64_t>(count);
  for (size_t i = 0; i < count; ++i) {
    const size_t home_index = i % model.homes().size();
    const Home& home = model.homes()[home_index];
    const char* state = kStates[static_cast<size_t>(home.state)].code;
    HomeAnswers& of_home = answers.homes[home.loc_id];
    of_home.state = state;
    Tally& of_day =
        of_home.by_date[DateText(model.Date(static_cast<int>(i / model.homes().size())))];
    for (size_t type = 0; type < kRateTypes; ++type) {
      const Tally& tally = tallies[i][type];
      of_day.Add(tally);
      answers.by_type[kRateTypeNames[type]].Add(tally);
      if (home_index == example) answers.example_by_type[kRateTypeNames[type]].Add(tally);
    }
    answers.by_state[state].Add(of_day);
    answers.total.Add(of_day);
    answers.usage_lines += of_day.rows / kSensors;
  }
  return absl::OkStatus();
}

void DescribeExample(const SmartHubModel& model, SmartHubAnswers& answers) {
  const Home& home = model.homes()[model.ExampleHome()];
  const std::vector<Slot> slots = MakeDay(model, model.ExampleHome(), 0);
  answers.example_home = home.loc_id;
  answers.example_date = DateText(model.Date(0));
  for (const Slot& slot : slots) {
    const int type = SmartHubModel::RateType(slot.hour);
    for (int sensor = 0; sensor < kSensors; ++sensor) {
      const int32_t units = slot.kwh_units[static_cast<size_t>(sensor)];
      answers.example_by_device[model.ApplianceOf(home, sensor).description].Add(
          RowCost(home, model.Date(0), type, units), units * kNanosPerKwhUnit);
    }
  }
  const auto local_time = [&](int64_t ts) {
    return absl::FormatTime("%H:%M:%S", absl::FromUnixSeconds(ts), model.zone(home.state));
  };
  answers.first_local_time = local_time(slots.front().ts);
  answers.last_local_time = local_time(slots.back().ts);
}

std::string ReadmeText(const SmartHubOptions& options, const Answers& answers) {
  std::string text = "# Sample data, generated\n\nMade by\n\n    ";
  absl::StrAppendFormat(&text,
                        "tarn-datagen smart-hub --homes %d --days %d --seed %d --start %s "
                        "--messages %d --out DIR\n\n",
                        options.homes, options.days, options.seed, DateText(options.start),
                        options.messages);
  text +=
      "The same options give the same bytes. `tarn-datagen answers --data DIR` computes "
      "`answers.json` again from the files.\n\n"
      "| folder | what |\n|---|---|\n"
      "| `smart_hub/usage/dt=*/*.json` | JSON lines, one file for each home and local day: "
      "`loc_id`, "
      "`ts` (epoch seconds), `data{s_01..s_10}` kWh in five minutes; integer 0 among doubles; 288 "
      "lines, but 276 and 300 on the days on which daylight saving time begins and ends; one file "
      "lacks its last newline |\n"
      "| `smart_hub/mappings/state=*/*.json` | JSON lines, 10 a file: "
      "`loc_id,id,description,location,watts,last_modified`; every fourth home has its sensors in "
      "another order |\n"
      "| `smart_hub/locations/state=*/*.csv` | the homes and about 1,000 addresses more for each "
      "state: "
      "`lon,lat,number,street,unit,city,district,region,postcode,id,hash,tz`; CRLF line ends but "
      "for `or`; `city,district,region,id` always empty, `postcode` empty in `co`, in `ct` with a "
      "leading zero or empty; a postcode is text |\n"
      "| `smart_hub/rates/*.xml` | one file a month, `<root><row>` with "
      "`state,year,month,from,to,type,rate` (cents per kWh); 4 states × 24 hours |\n"
      "| `iot/raw_data_small.json`, `raw_data_large.json` | one JSON array of device messages: "
      "`data{co,humidity,light,lpg,motion,smoke,temp}`, `device_id`, `ts` (fractional epoch "
      "seconds), `device` |\n\n"
      "`dt` is the local date in the time zone `tz` of the home's location. No reading times its "
      "rate lies on a rounding boundary, so that\n`round(kwh * rate, 4)` is the same with doubles "
      "and with decimals.\n\n";
  return text + AnswersMarkdown(answers);
}

}  // namespace

absl::StatusOr<SmartHubAnswers> WriteSmartHub(const SmartHubModel& model) {
  const fs::path dir = model.options().out / "smart_hub";
  SmartHubAnswers answers;
  TARN_RETURN_IF_ERROR(WriteLocations(model, dir / "locations", answers));
  TARN_RETURN_IF_ERROR(WriteMappings(model, dir / "mappings", answers));
  TARN_RETURN_IF_ERROR(WriteRates(model, dir / "rates", answers));
  TARN_RETURN_IF_ERROR(WriteUsage(model, dir / "usage", answers));
  DescribeExample(model, answers);
  return answers;
}

absl::StatusOr<Answers> Generate(const SmartHubOptions& options) {
  absl::StatusOr<SmartHubModel> model = SmartHubModel::Make(options);
  if (!model.ok()) return model.status();
  TARN_RETURN_IF_ERROR(MakeEmptyFolder(options.out));
  Answers answers;
  TARN_ASSIGN_OR_RETURN(answers.smart_hub, WriteSmartHub(*model));
  TARN_ASSIGN_OR_RETURN(answers.iot, WriteIot(options.out / "iot", options.messages, options.seed));
  TARN_RETURN_IF_ERROR(WriteFile(options.out / "README.md", ReadmeText(options, answers)));
  TARN_RETURN_IF_ERROR(WriteFile(options.out / "answers.json", AnswersJson(answers)));
  return answers;
}

}  // namespace tarn::datagen
