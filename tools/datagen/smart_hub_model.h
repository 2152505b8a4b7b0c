// The generator's model of homes, their devices and the prices they pay: everything that the files
// and the answers are made of, before either is written. The three homes of the real sample and
// its rates of December 2019 are what the numbers are modelled on.
//
// Built once from options, then read-only: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

namespace tarn::datagen {

struct SmartHubOptions {
  int homes = 3;
  int days = 2;
  uint64_t seed = 1;
  absl::CivilDay start = absl::CivilDay(2019, 12, 21);
  int64_t messages = 9995;  // in iot/raw_data_large.json
  std::filesystem::path out;
  int threads = 0;  // 0: one for each core; the bytes do not depend on it
};

inline constexpr int kSensors = 10;
inline constexpr int kRateTypes = 3;
inline constexpr int kSlotSeconds = 300;
inline constexpr std::array<const char*, kRateTypes> kRateTypeNames = {"off-peak", "partial-peak",
                                                                       "peak"};

// One appliance and its habits. A day has four parts of six local hours.
struct Appliance {
  const char* description;
  const char* location;
  int watts;
  std::array<int, 4> starts_per_mille;  // chance to be switched on in a slot, by part of day
  int shortest_run, longest_run;        // in slots; 0: always on
};

extern const std::array<Appliance, kSensors> kAppliances;

struct StateProfile {
  const char* code;
  const char* file_stem;  // "palo_alto_ca"
  const char* zone_name;
  const char* line_end;
  int published_days_before;  // the locations file is dated so many days before the start
  double west, east, south, north;
  const char* const* streets;
  int street_count;
  int unit_per_mille;
  const char* unit_prefix;
  int first_postcode, last_postcode;  // 0: none
  int postcode_per_mille;
  std::array<int, kRateTypes> rate_thousandths;  // cents per kWh in December, times 1,000
};

// ca, co, ct, or.
extern const std::array<StateProfile, 4> kStates;

struct Home {
  std::string loc_id;   // 16 hexadecimal digits
  int state;            // index into kStates
  int first_appliance;  // sensor s_01 is kAppliances[first_appliance], and so on round
  int64_t mapped_at;    // epoch seconds
};

struct Location {
  std::string lon, lat, number, street, unit, postcode, hash;
};

class SmartHubModel {
 public:
  // INVALID_ARGUMENT when an option is out of its range, with every such option named.
  static absl::StatusOr<SmartHubModel> Make(const SmartHubOptions& options);

  const SmartHubOptions& options() const { return options_; }
  const std::vector<Home>& homes() const { return homes_; }
  const std::vector<Location>& locations(int state) const {
    return locations_[static_cast<size_t>(state)];
  }
  const std::vector<absl::CivilMonth>& months() const { return months_; }
  const absl::TimeZone& zone(int state) const { return zones_[static_cast<size_t>(state)]; }

  absl::CivilDay Date(int day) const { return options_.start + day; }
  // The local midnight with which a date begins, in epoch seconds. A date has 288 slots of five
  // minutes, but 276 and 300 on the days on which daylight saving time begins and ends.
  int64_t Midnight(int state, absl::CivilDay date) const;

  // Which of kRateTypeNames holds in a local hour.
  static int RateType(int hour);
  // Cents per kWh, times 1,000.
  static int RateThousandths(int state, absl::CivilMonth month, int type);

  const Appliance& ApplianceOf(const Home& home, int sensor) const {
    return kAppliances[static_cast<size_t>((home.first_appliance + sensor) % kSensors)];
  }

  // The home that the answers show in detail: the first of the alphabetically first state.
  size_t ExampleHome() const;

 private:
  SmartHubModel() = default;

  SmartHubOptions options_;
  std::vector<Home> homes_;
  std::array<std::vector<Location>, 4> locations_;  // homes first
  std::array<absl::TimeZone, 4> zones_;
  std::vector<absl::CivilMonth> months_;
};

// The readings of one home on one day.
struct Slot {
  int64_t ts;
  int hour;                                 // local
  std::array<int32_t, kSensors> kwh_units;  // 1/100,000 kWh
};

// Never makes a reading whose cost at any rate of its month lies on a rounding boundary.
std::vector<Slot> MakeDay(const SmartHubModel& model, size_t home, int day);

}  // namespace tarn::datagen
