// What a query over a folder of sample data has to find: sums by integers, so that two ways of
// computing them can be compared byte by byte.
//
// Definitions. A usage row is one sensor of one line of smart_hub/usage, joined to its home's
// location (loc_id = hash), to the mapping of its sensor (loc_id, id) and to the rate of its
// state and of its year, month and hour in the location's time zone. cost = round(kwh * rate, 4)
// in cents, halves away from zero. Rows without one of the three partners are counted as unmatched
// and are in no sum. A day is the `dt` of the folder. Device messages are rounded (temp, humidity
// to two decimals, co, lpg, smoke to four) before anything is computed of them.
//
// Plain data; one thread, or one instance a thread and Merge.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace tarn::datagen {

// Rows, their cost in ten-thousandths of a cent and their energy in billionths of a kWh.
struct Tally {
  int64_t rows = 0;
  int64_t cost = 0;
  int64_t kwh_nanos = 0;

  void Add(int64_t row_cost, int64_t row_kwh_nanos);
  void Add(const Tally& other);
};

struct HomeAnswers {
  std::string state;
  std::map<std::string, Tally> by_date;  // by dt, "2019-12-21"
};

struct SmartHubAnswers {
  int64_t usage_files = 0;
  int64_t usage_lines = 0;
  int64_t unmatched_rows = 0;
  // Rows whose local date is not their folder's dt; 0 in sound data.
  int64_t rows_outside_date = 0;
  // Rows whose cost differs when it is computed with doubles; 0 in generated data.
  int64_t rounding_differences = 0;
  int64_t mappings = 0;
  int64_t rates = 0;
  std::map<std::string, int64_t> locations_by_state;
  Tally total;
  std::map<std::string, Tally> by_state;
  std::map<std::string, Tally> by_type;  // off-peak, partial-peak, peak
  std::map<std::string, HomeAnswers> homes;

  // One home in detail: the first of the locations, by state and row, that has usage.
  std::string example_home;
  std::string example_date;                        // its first day
  std::string first_local_time, last_local_time;   // of that day
  std::map<std::string, Tally> example_by_device;  // on that day
  std::map<std::string, Tally> example_by_type;    // over all days
};

struct DeviceAnswers {
  int64_t messages = 0;
  int64_t temp_hundredths = 0;  // sum of rounded degrees Celsius
  int64_t co = 0;               // sum of rounded values, ten-thousandths
  long double co_unrounded = 0;
  double co_max = 0;  // as sent
};

struct IotAnswers {
  int64_t messages = 0;
  int64_t small_messages = 0;  // in raw_data_small.json
  std::map<std::string, DeviceAnswers> devices;
  int64_t lpg = 0, smoke = 0;       // sums, ten-thousandths
  int64_t humidity_hundredths = 0;  // sum
  std::set<int64_t> distinct_lpg;

  // Adds one message, with its values as sent.
  void Add(const std::string& device, double temp, double humidity, double co, double lpg,
           double smoke);
};

struct Answers {
  SmartHubAnswers smart_hub;
  IotAnswers iot;
};

// JSON, indented by two, keys sorted, with a last newline. Costs are in cents.
std::string AnswersJson(const Answers& answers);

// The same for people, in Markdown; homes are summed up and only the example is listed.
std::string AnswersMarkdown(const Answers& answers);

}  // namespace tarn::datagen
