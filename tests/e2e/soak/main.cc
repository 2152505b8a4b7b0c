// tarn-soak: the fault machine of ingestion (soak.h) for as long as one likes. Exit code 0 when
// nothing was lost or doubled and everything recovered, 1 otherwise, 2 for wrong usage.
#include <iostream>
#include <random>

#include <CLI/CLI.hpp>

#include "tests/e2e/soak/soak.h"

int main(int argc, char** argv) {
  tarn::e2e::SoakOptions options;
  options.seed = std::random_device{}();
  bool json = false;
  double seconds = 0;
  CLI::App program(
      "Feeds numbered records to Tarn's processes while they, PostgreSQL, connections and the disk "
      "fail, and counts what was lost or doubled.");
  program.add_option("--trials", options.trials, "How many faults")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  program.add_option("--seed", options.seed, "Repeats the choices of another run");
  program.add_option("--max-seconds", seconds, "Begins no trial after this time")
      ->check(CLI::PositiveNumber);
  program.add_flag("--json", json, "The result as JSON on standard output");
  program.add_flag("--keep", options.keep, "Keeps data and logs when all is well, too");
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : 2;
  }
  if (seconds > 0) options.max_duration = absl::Seconds(seconds);
  std::cerr << "seed " << options.seed << std::endl;
  const tarn::e2e::SoakReport report = tarn::e2e::RunSoak(options, std::cerr);
  std::cout << (json ? tarn::e2e::SoakJson(report) + "\n" : tarn::e2e::SoakText(report));
  return report.ok() ? 0 : 1;
}
