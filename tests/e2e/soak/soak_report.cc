#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/soak/soak.h"

namespace tarn::e2e {
namespace {

nlohmann::json NumbersJson(const SoakNumbers& numbers) {
  return {{"acknowledged", numbers.acknowledged},
          {"unacknowledged", numbers.unacknowledged},
          {"stored", numbers.stored},
          {"lost", numbers.lost},
          {"doubled", numbers.doubled}};
}

}  // namespace

std::string NumbersText(const SoakNumbers& numbers) {
  return absl::StrCat(numbers.acknowledged, " acknowledged, ", numbers.unacknowledged,
                      " given up, ", numbers.stored, " stored, ", numbers.lost, " lost, ",
                      numbers.doubled, " doubled");
}

std::string SoakText(const SoakReport& report) {
  std::string text = absl::StrCat("soak: ", report.trials, " trials, ", report.kills, " kills, ",
                                  NumbersText(report.all), "; seed ", report.seed, ", ",
                                  static_cast<int64_t>(report.seconds), " s\n");
  for (const auto& [way, numbers] : report.ways)
    absl::StrAppend(&text, "  ", way, ": ", NumbersText(numbers), "\n");
  for (const std::string& reason : report.not_tried)
    absl::StrAppend(&text, "not tried: ", reason, "\n");
  for (const std::string& problem : report.problems)
    absl::StrAppend(&text, "problem: ", problem, "\n");
  if (!report.folder.empty()) absl::StrAppend(&text, "data and logs are in ", report.folder, "\n");
  return text;
}

std::string SoakJson(const SoakReport& report) {
  nlohmann::json json = NumbersJson(report.all);
  nlohmann::json ways = nlohmann::json::object();
  for (const auto& [way, numbers] : report.ways) ways[way] = NumbersJson(numbers);
  json.update({{"seed", report.seed},
               {"trials", report.trials},
               {"kills", report.kills},
               {"faults", report.faults},
               {"ways", ways},
               {"problems", report.problems},
               {"not_tried", report.not_tried},
               {"seconds", report.seconds},
               {"folder", report.folder}});
  return json.dump(2);
}

}  // namespace tarn::e2e
