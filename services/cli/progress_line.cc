#include "services/cli/progress_line.h"

#include <algorithm>

#include <absl/time/clock.h>

#include "services/cli/display_text.h"

namespace tarn::cli {
namespace {

constexpr absl::Duration kShortestPause = absl::Milliseconds(100);
constexpr int kBarWidth = 30;

}  // namespace

void ProgressLine::Show(std::string_view text) {
  if (!terminal_.err_is_tty) return;
  std::lock_guard lock(mutex_);
  const absl::Time now = absl::Now();
  if (now - last_shown_ < kShortestPause) return;
  last_shown_ = now;
  visible_ = true;
  // Never as wide as the terminal: a line that wraps cannot be written over.
  terminal_.err << "\r\033[K" << CutToWidth(text, std::max(10, terminal_.width - 1)) << std::flush;
}

void ProgressLine::Clear() {
  std::lock_guard lock(mutex_);
  if (!visible_) return;
  terminal_.err << "\r\033[K" << std::flush;
  visible_ = false;
  last_shown_ = absl::InfinitePast();
}

std::string ProgressBar(double share) {
  share = std::clamp(share, 0.0, 1.0);
  const int filled = static_cast<int>(share * kBarWidth);
  std::string percent = std::to_string(static_cast<int>(share * 100));
  percent.insert(0, 3 - std::min<size_t>(3, percent.size()), ' ');
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] " + percent +
         " %";
}

}  // namespace tarn::cli
