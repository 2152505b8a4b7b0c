// The fault machine of ingestion: real processes take numbered records by all ways in while
// programs and PostgreSQL are killed, connections cut, the log's tail torn and its disk filled, at
// random by a seed. Afterwards each acknowledged number has to be in its table exactly once, every
// other one at most once. One thread calls it, once.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include <absl/time/time.h>

namespace tarn::e2e {

struct SoakOptions {
  int trials = 20;  // faults, or pairs of them
  uint64_t seed = 1;
  // No new trial after it.
  absl::Duration max_duration = absl::InfiniteDuration();
  // Keeps the folder of data and logs, also when all is well.
  bool keep = false;
};

// What became of the records that came one way, or of all.
struct SoakNumbers {
  int64_t acknowledged = 0;    // each must be there once
  int64_t unacknowledged = 0;  // sent and given up; each may be there once
  int64_t stored = 0;          // rows of the tables
  int64_t lost = 0;            // acknowledged and not there
  int64_t doubled = 0;         // there more than once, or never sent
};

struct SoakReport {
  uint64_t seed = 0;
  int trials = 0;
  int64_t kills = 0;                  // of processes, by SIGKILL
  std::map<std::string, int> faults;  // how often each kind
  SoakNumbers all;
  std::map<std::string, SoakNumbers> ways;  // by way in: put, ingest, http, mqtt
  // What else went wrong: something did not recover. Each with where to look.
  std::vector<std::string> problems;
  // What could not be tried on this machine, and why.
  std::vector<std::string> not_tried;
  double seconds = 0;
  std::string folder;  // where it was kept; empty when it was not

  bool ok() const { return all.lost == 0 && all.doubled == 0 && problems.empty(); }
};

// Tells on `progress` what it does, a line a trial.
SoakReport RunSoak(const SoakOptions& options, std::ostream& progress);

// "12 acknowledged, 0 given up, …".
std::string NumbersText(const SoakNumbers& numbers);
// For people, and for programs.
std::string SoakText(const SoakReport& report);
std::string SoakJson(const SoakReport& report);

}  // namespace tarn::e2e
