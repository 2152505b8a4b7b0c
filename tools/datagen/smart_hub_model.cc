#include "tools/datagen/smart_hub_model.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include <absl/strings/str_format.h>

#include "common/status/error.h"
#include "tools/datagen/random.h"
#include "tools/datagen/units.h"

namespace tarn::datagen {
namespace {

constexpr int kMaxHomes = 1'000'000;
constexpr int kMaxDays = 3660;
// The answers keep a tally for each home and day.
constexpr int64_t kMaxHomeDays = 5'000'000;
constexpr int64_t kMaxMessages = 100'000'000;

constexpr const char* kPaloAltoStreets[] = {
    "Channing Avenue", "Hawthorne Avenue", "California Avenue", "Cowper Street", "Waverley Street",
    "Lincoln Avenue",  "Bryant Street",    "Everett Avenue",    "Louis Road",    "Park Boulevard"};
constexpr const char* kDenverStreets[] = {
    "N Inca St",  "W 15th St",    "E Wesley Ave", "S Dale Ct",  "N Wynkoop St",
    "N Logan St", "S Clayton St", "E Yale Ave",   "W 38th Ave", "N Lowell Blvd"};
constexpr const char* kStamfordStreets[] = {
    "BLACK ROCK RD",    "ALEXANDRA DR", "MILL RD",    "MOUNTAIN TRL", "WYNNEWOOD LN",
    "HUNTING RIDGE RD", "RIVERBANK RD", "CASCADE RD", "LAUREL RD",    "SKYMEADOW DR"};
constexpr const char* kPortlandStreets[] = {
    "SW JUNIPER TER", "SW PINTAIL LOOP", "SW WRANGLER PL", "SW LARCH LN",    "SW CENTER ST",
    "NW 116TH AVE",   "W BASELINE RD",   "SW HALL BLVD",   "SW MURRAY BLVD", "SW ALLEN BLVD"};

// The order in which homes are given to states: three homes are like the real three.
constexpr std::array<int, 4> kStateOfHome = {3, 0, 1, 2};

// Rates of January to December, in per mille of December's.
constexpr std::array<int, 12> kSeason = {1000, 990,  975,  960,  985, 1040,
                                         1085, 1110, 1060, 1005, 980, 1000};

// Readings sway a little about the nominal power, in 1/100,000 kWh.
constexpr int kLeastNoise = -50, kMostNoise = 100;

std::string HexId(uint64_t value) { return absl::StrFormat("%016x", value); }

std::string Coordinate(Random& random, double from, double to) {
  const auto low = static_cast<int64_t>(from * 1e7), high = static_cast<int64_t>(to * 1e7);
  return DecimalText(random.Between(low, high), 7);
}

Location MakeLocation(const StateProfile& state, Random& random, std::string hash) {
  Location location;
  location.lon = Coordinate(random, state.west, state.east);
  location.lat = Coordinate(random, state.south, state.north);
  location.number = std::to_string(random.Between(1, random.Chance(300) ? 999 : 12999));
  location.street = state.streets[random.Below(static_cast<uint64_t>(state.street_count))];
  if (random.Chance(static_cast<uint64_t>(state.unit_per_mille))) {
    location.unit = state.unit_prefix + std::to_string(random.Between(1, 450));
  }
  if (random.Chance(static_cast<uint64_t>(state.postcode_per_mille))) {
    location.postcode =
        absl::StrFormat("%05d", random.Between(state.first_postcode, state.last_postcode));
  }
  location.hash = std::move(hash);
  return location;
}

// A cost is rate (1/1,000) times kWh (1/100,000) to four decimals: a tie is a remainder of 5,000.
bool IsRoundingTie(int64_t kwh_units, int64_t rate_thousandths) {
  return kwh_units * rate_thousandths % 10000 == 5000;
}

absl::Status Validate(const SmartHubOptions& options) {
  std::vector<FieldViolation> bad;
  if (options.homes < 1 || options.homes > kMaxHomes) {
    bad.push_back({"--homes", "must be 1 to 1,000,000"});
  }
  if (options.days < 1 || options.days > kMaxDays) {
    bad.push_back({"--days", "must be 1 to 3,660"});
  }
  if (static_cast<int64_t>(options.homes) * options.days > kMaxHomeDays) {
    bad.push_back({"--homes", "times --days must be at most 5,000,000"});
  }
  if (options.messages < 0 || options.messages > kMaxMessages) {
    bad.push_back({"--messages", "must be 0 to 100,000,000"});
  }
  if (options.start < absl::CivilDay(1990, 1, 1) || options.start > absl::CivilDay(2035, 1, 1)) {
    bad.push_back({"--start", "must be from 1990-01-01 to 2035-01-01"});
  }
  return bad.empty() ? absl::OkStatus() : InvalidFields(std::move(bad));
}

}  // namespace

const std::array<Appliance, kSensors> kAppliances = {{
    {"Central Air Conditioner", "House", 3500, {60, 90, 130, 120}, 3, 12},
    {"Ceiling Fan", "Master Bedroom", 65, {60, 5, 5, 30}, 12, 60},
    {"Clothes Dryer", "Basement", 5000, {0, 10, 14, 8}, 6, 14},
    {"Clothes Washer", "Basement", 1800, {0, 10, 14, 6}, 5, 10},
    {"Dishwasher", "Kitchen", 900, {2, 4, 3, 14}, 10, 16},
    {"Flat Screen TV", "Living Room", 120, {1, 6, 8, 40}, 6, 40},
    {"Microwave Oven", "Kitchen", 1000, {1, 20, 25, 25}, 1, 3},
    {"Coffee Maker", "Kitchen", 900, {1, 30, 8, 2}, 1, 3},
    {"Hair Dryer", "Master Bathroom", 2000, {0, 22, 2, 10}, 1, 2},
    {"Refrigerator", "Kitchen", 500, {0, 0, 0, 0}, 0, 0},
}};

const std::array<StateProfile, 4> kStates = {{
    {"ca",
     "palo_alto_ca",
     "America/Los_Angeles",
     "\r\n",
     2,
     -122.1872982,
     -122.1052953,
     37.3735263,
     37.4570679,
     kPaloAltoStreets,
     std::size(kPaloAltoStreets),
     0,
     "",
     94301,
     94306,
     1000,
     {5051, 8678, 15148}},
    {"co",
     "denver_co",
     "America/Denver",
     "\r\n",
     3,
     -105.0872261,
     -104.6739934,
     39.6294858,
     39.8749424,
     kDenverStreets,
     std::size(kDenverStreets),
     720,
     "Unit ",
     0,
     0,
     0,
     {4209, 7232, 12623}},
    {"ct",
     "stamford_ct",
     "America/New_York",
     "\r\n",
     4,
     -73.6091406,
     -73.5341466,
     41.1516186,
     41.1780279,
     kStamfordStreets,
     std::size(kStamfordStreets),
     0,
     "",
     6901,
     6907,
     600,
     {4630, 7955, 13885}},
    {"or",
     "portland_metro_or",
     "America/Los_Angeles",
     "\n",
     2,
     -122.8667711,
     -122.7445754,
     45.4269612,
     45.5373048,
     kPortlandStreets,
     std::size(kPortlandStreets),
     470,
     "# ",
     97003,
     97008,
     1000,
     {4209, 7232, 12623}},
}};

absl::StatusOr<SmartHubModel> SmartHubModel::Make(const SmartHubOptions& options) {
  if (absl::Status status = Validate(options); !status.ok()) return status;
  SmartHubModel model;
  model.options_ = options;
  for (size_t s = 0; s < kStates.size(); ++s) {
    if (!absl::LoadTimeZone(kStates[s].zone_name, &model.zones_[s])) {
      return FailedPrecondition("TIME_ZONE_MISSING",
                                std::string("this machine does not know the time zone ") +
                                    kStates[s].zone_name + "; install the package tzdata");
    }
  }

  Random random(options.seed, Random::Part::kHomes, 0);
  std::unordered_set<std::string> ids;
  const auto new_id = [&ids](Random& source) {
    for (;;) {
      std::string id = HexId(source.Next());
      if (ids.insert(id).second) return id;
    }
  };
  for (int i = 0; i < options.homes; ++i) {
    Home home{new_id(random), kStateOfHome[static_cast<size_t>(i % 4)], 0, 0};
    // Every fourth home has its sensors wired differently: a join by sensor alone is found out.
    if (i % 4 == 3) home.first_appliance = static_cast<int>(random.Between(1, kSensors - 1));
    home.mapped_at = model.Midnight(home.state, options.start - random.Between(30, 365));
    model.homes_.push_back(std::move(home));
  }
  for (size_t s = 0; s < kStates.size(); ++s) {
    Random of_state(options.seed, Random::Part::kLocations, s);
    std::vector<Location>& locations = model.locations_[s];
    for (const Home& home : model.homes_) {
      if (home.state == static_cast<int>(s)) {
        locations.push_back(MakeLocation(kStates[s], of_state, home.loc_id));
      }
    }
    const int64_t unused = of_state.Between(990, 1000);
    for (int64_t i = 0; i < unused; ++i) {
      std::string id = new_id(of_state);
      locations.push_back(MakeLocation(kStates[s], of_state, std::move(id)));
    }
  }
  const absl::CivilMonth last(model.Date(options.days - 1));
  for (absl::CivilMonth month(options.start); month <= last; ++month)
    model.months_.push_back(month);
  return model;
}

int64_t SmartHubModel::Midnight(int state, absl::CivilDay date) const {
  return absl::ToUnixSeconds(absl::FromCivil(date, zone(state)));
}

int SmartHubModel::RateType(int hour) {
  if (hour < 7 || hour >= 22) return 0;
  return hour >= 13 && hour < 20 ? 2 : 1;
}

int SmartHubModel::RateThousandths(int state, absl::CivilMonth month, int type) {
  const int december =
      kStates[static_cast<size_t>(state)].rate_thousandths[static_cast<size_t>(type)];
  return december * kSeason[static_cast<size_t>(month.month() - 1)] / 1000;
}

size_t SmartHubModel::ExampleHome() const {
  const auto first = std::min_element(
      homes_.begin(), homes_.end(), [](const Home& a, const Home& b) { return a.state < b.state; });
  return static_cast<size_t>(first - homes_.begin());
}

std::vector<Slot> MakeDay(const SmartHubModel& model, size_t home_index, int day) {
  const Home& home = model.homes()[home_index];
  const absl::CivilDay date = model.Date(day);
  const absl::TimeZone& zone = model.zone(home.state);
  Random random(model.options().seed, Random::Part::kUsage,
                home_index * kMaxDays + static_cast<uint64_t>(day));
  std::array<int, kRateTypes> rates{};
  for (int type = 0; type < kRateTypes; ++type) {
    rates[static_cast<size_t>(type)] =
        SmartHubModel::RateThousandths(home.state, absl::CivilMonth(date), type);
  }

  std::vector<Slot> slots;
  slots.reserve(300);
  std::array<int64_t, kSensors> slots_left{};  // until the appliance is switched off
  const int64_t end = model.Midnight(home.state, date + 1);
  for (int64_t ts = model.Midnight(home.state, date); ts < end; ts += kSlotSeconds) {
    Slot slot{ts, zone.At(absl::FromUnixSeconds(ts)).cs.hour(), {}};
    for (int sensor = 0; sensor < kSensors; ++sensor) {
      const Appliance& appliance = model.ApplianceOf(home, sensor);
      int64_t& left = slots_left[static_cast<size_t>(sensor)];
      const auto start_chance =
          static_cast<uint64_t>(appliance.starts_per_mille[static_cast<size_t>(slot.hour / 6)]);
      if (appliance.longest_run == 0) {
        left = 1;
      } else if (left == 0 && random.Chance(start_chance)) {
        left = random.Between(appliance.shortest_run, appliance.longest_run);
      }
      if (left == 0) continue;
      --left;
      // Watts for five minutes are watts / 12,000 kWh; sometimes an appliance draws half as much
      // more.
      int64_t units = int64_t{appliance.watts} * 100'000 / 12'000;
      if (random.Chance(20)) units += units / 2;
      units += random.Between(kLeastNoise, kMostNoise);
      while (std::any_of(rates.begin(), rates.end(),
                         [&](int rate) { return IsRoundingTie(units, rate); })) {
        ++units;
      }
      slot.kwh_units[static_cast<size_t>(sensor)] = static_cast<int32_t>(units);
    }
    slots.push_back(slot);
  }
  return slots;
}

}  // namespace tarn::datagen
