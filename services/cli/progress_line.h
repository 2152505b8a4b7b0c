// One line on the terminal's `err` that is written over and over while something takes its time.
// Writes nothing where nobody watches. Thread safe.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include <absl/time/time.h>

#include "services/cli/terminal.h"

namespace tarn::cli {

class ProgressLine {
 public:
  explicit ProgressLine(Terminal& terminal) : terminal_(terminal) {}
  ~ProgressLine() { Clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // At most ten times a second; what comes faster is left out.
  void Show(std::string_view text);
  // Takes the line away, so that something else can be written.
  void Clear();

 private:
  Terminal& terminal_;
  std::mutex mutex_;
  absl::Time last_shown_ = absl::InfinitePast();
  bool visible_ = false;
};

// "[#####.....]  50 %", for 0 <= share <= 1.
std::string ProgressBar(double share);

}  // namespace tarn::cli
