// tarn-datagen: makes sample data of any size, and computes the answers that queries over it, or
// over the real sample, have to give.
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>
#include <absl/time/civil_time.h>

#include "tools/datagen/answers.h"
#include "tools/datagen/files.h"
#include "tools/datagen/read_answers.h"
#include "tools/datagen/smart_hub_writer.h"

namespace {

using tarn::datagen::Answers;
using tarn::datagen::SmartHubOptions;

int Fail(const absl::Status& status) {
  std::cerr << "tarn-datagen: " << status.message() << "\n";
  return 1;
}

std::string CheckDate(const std::string& text) {
  absl::CivilDay day;
  return absl::ParseCivilTime(text, &day) ? "" : "'" + text + "' is not a date like 2019-12-21";
}

int Make(const SmartHubOptions& options) {
  const absl::StatusOr<Answers> answers = tarn::datagen::Generate(options);
  if (!answers.ok()) return Fail(answers.status());
  std::cout << "Made " << answers->smart_hub.usage_files << " files of usage with "
            << answers->smart_hub.usage_lines << " lines and " << answers->iot.messages
            << " device messages in " << options.out.string()
            << "; see README.md and answers.json there.\n";
  return 0;
}

int Answer(const std::string& data, const std::string& out, bool markdown, int threads) {
  const absl::StatusOr<Answers> answers = tarn::datagen::ComputeAnswers(data, threads);
  if (!answers.ok()) return Fail(answers.status());
  const std::string text =
      markdown ? tarn::datagen::AnswersMarkdown(*answers) : tarn::datagen::AnswersJson(*answers);
  if (out.empty()) {
    std::cout << text;
    return std::cout.flush() ? 0 : 1;
  }
  const absl::Status status = tarn::datagen::WriteFile(out, text);
  return status.ok() ? 0 : Fail(status);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Makes sample data and computes its answers.", "tarn-datagen");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  tarn-datagen smart-hub --homes 10 --days 7 --seed 42 --out sample\n"
      "  tarn-datagen answers --data sample | diff sample/answers.json -");

  SmartHubOptions options;
  std::string start = "2019-12-21", out;
  CLI::App* hub = app.add_subcommand(
      "smart-hub",
      "Makes electricity usage of homes, its dimensions, device messages and answers.json");
  hub->add_option("--homes", options.homes, "Homes, spread over the states ca, co, ct and or")
      ->required();
  hub->add_option("--days", options.days, "Local days of usage")->required();
  hub->add_option("--seed", options.seed, "The same seed and options give the same bytes")
      ->capture_default_str();
  hub->add_option("--start", start, "First local day")->check(CheckDate)->capture_default_str();
  hub->add_option("--messages", options.messages, "Device messages in iot/raw_data_large.json")
      ->capture_default_str();
  hub->add_option("--threads", options.threads, "Threads; 0 for one for each core")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  hub->add_option("--out", out, "A folder that is new or empty")->required();
  hub->footer("Example:\n  tarn-datagen smart-hub --homes 1000 --days 30 --seed 7 --out sample");

  std::string data, answers_out;
  bool markdown = false;
  int threads = 0;
  CLI::App* answers = app.add_subcommand(
      "answers", "Computes answers.json from the files of a folder, real or generated");
  answers->add_option("--data", data, "The folder that holds smart_hub and iot")->required();
  answers->add_option("--out", answers_out, "Write to this file and not to the terminal");
  answers->add_flag("--markdown", markdown, "Tables for people; not JSON");
  answers->add_option("--threads", threads, "Threads; 0 for one for each core")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  answers->footer("Example:\n  tarn-datagen answers --data sample --markdown");

  CLI11_PARSE(app, argc, argv);
  if (hub->parsed()) {
    absl::ParseCivilTime(start, &options.start);
    options.out = out;
    return Make(options);
  }
  return Answer(data, answers_out, markdown, threads);
}
