// Shows a run as it goes on: a list that is written over on a terminal, a line for each change in a
// pipe. One thread.
#pragma once

#include <map>
#include <string>

#include "services/cli/terminal.h"

namespace tarn::transform::v1 {
class Run;
class StepRun;
}  // namespace tarn::transform::v1

namespace tarn::cli {

class RunView {
 public:
  explicit RunView(Terminal& terminal) : terminal_(terminal) {}

  void Show(const transform::v1::Run& run);

 private:
  void Redraw(const transform::v1::Run& run);
  void WriteChanges(const transform::v1::Run& run);
  std::string Line(const transform::v1::StepRun& step) const;

  Terminal& terminal_;
  std::map<std::string, std::string> shown_;  // step id to its line; in a pipe
  int drawn_lines_ = 0;                       // on a terminal
};

}  // namespace tarn::cli
