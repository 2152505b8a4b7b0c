#include "services/cli/run_view.h"

#include <absl/time/clock.h>

#include "tarn/transform/v1/run.pb.h"

#include "services/cli/display_text.h"
#include "services/cli/resource_text.h"

namespace tarn::cli {
namespace {

namespace common = ::tarn::common::v1;
using transform::v1::Run;
using transform::v1::StepRun;

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

std::string StateText(common::ExecutionState state) {
  const auto* value = common::ExecutionState_descriptor()->FindValueByNumber(state);
  return value == nullptr ? "" : EnumText(*value);
}

Style StateStyle(common::ExecutionState state) {
  switch (state) {
    case common::EXECUTION_STATE_SUCCEEDED:
      return Style::kGood;
    case common::EXECUTION_STATE_FAILED:
    case common::EXECUTION_STATE_TIMED_OUT:
      return Style::kBad;
    case common::EXECUTION_STATE_CANCELLED:
      return Style::kWarning;
    case common::EXECUTION_STATE_RUNNING:
      return Style::kBold;
    default:
      return Style::kDim;
  }
}

// What is worth saying of a step beside its state.
std::string Details(const StepRun& step) {
  std::string text;
  auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (step.times().has_end_time() && step.times().has_start_time()) {
    add(DurationText(ToTime(step.times().end_time()) - ToTime(step.times().start_time())));
  }
  if (step.row_count() > 0) add(Counted(step.row_count(), "row"));
  if (step.attempt() > 1) add("attempt " + std::to_string(step.attempt()));
  if (!step.error().message().empty()) add(OneLine(step.error().message()));
  return text.empty() ? "" : " (" + text + ")";
}

}  // namespace

void RunView::Show(const Run& run) {
  if (terminal_.out_is_tty) {
    Redraw(run);
  } else {
    WriteChanges(run);
  }
  terminal_.out.flush();
}

std::string RunView::Line(const StepRun& step) const {
  return step.step_id() + ": " + terminal_.OnOut(StateStyle(step.state()), StateText(step.state()));
}

void RunView::Redraw(const Run& run) {
  if (drawn_lines_ > 0) terminal_.out << "\033[" << drawn_lines_ << "A";
  for (const StepRun& step : run.steps()) {
    const std::string line = Line(step);
    const int used = DisplayWidth(step.step_id() + ": " + StateText(step.state()));
    // A line that wraps would spoil the count of lines.
    terminal_.out << "\r\033[K" << line
                  << CutToWidth(Details(step), std::max(1, terminal_.width - used - 1)) << "\n";
  }
  drawn_lines_ = run.steps_size();
}

void RunView::WriteChanges(const Run& run) {
  for (const StepRun& step : run.steps()) {
    const std::string line = Line(step) + Details(step);
    std::string& shown = shown_[step.step_id()];
    if (shown == line) continue;
    shown = line;
    if (step.state() != common::EXECUTION_STATE_QUEUED || step.attempt() > 0) {
      terminal_.out << line << "\n";
    }
  }
}

}  // namespace tarn::cli
