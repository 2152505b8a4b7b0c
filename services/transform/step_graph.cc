#include "services/transform/step_graph.h"

#include <algorithm>
#include <map>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "tarn/transform/v1/pipeline.pb.h"

#include "common/status/error.h"

namespace tarn::transform {
namespace {

// Depth first over dependencies; the path is the cycle where one is met again.
class Walk {
 public:
  explicit Walk(const v1::Pipeline& pipeline) : pipeline_(pipeline) {
    for (int i = 0; i < pipeline.steps_size(); ++i) index_[pipeline.steps(i).id()] = i;
    marks_.resize(static_cast<size_t>(pipeline.steps_size()), Mark::kNew);
  }

  // False when a cycle was found; cycle() then has it.
  bool Visit(int step) {
    Mark& mark = marks_[static_cast<size_t>(step)];
    if (mark == Mark::kDone) return true;
    path_.push_back(pipeline_.steps(step).id());
    if (mark == Mark::kOpen) return false;
    mark = Mark::kOpen;
    for (const std::string& before : pipeline_.steps(step).depends_on()) {
      if (!Visit(index_.at(before))) return false;
    }
    mark = Mark::kDone;
    path_.pop_back();
    order_.push_back(step);
    return true;
  }

  std::vector<std::string> cycle() const {
    auto first = std::find(path_.begin(), path_.end(), path_.back());
    return {first, path_.end()};
  }
  std::vector<int> order() && { return std::move(order_); }

 private:
  enum class Mark { kNew, kOpen, kDone };

  const v1::Pipeline& pipeline_;
  std::map<std::string, int> index_;
  std::vector<Mark> marks_;
  std::vector<std::string> path_;
  std::vector<int> order_;
};

}  // namespace

absl::StatusOr<std::vector<int>> OrderSteps(const v1::Pipeline& pipeline) {
  Walk walk(pipeline);
  for (int i = 0; i < pipeline.steps_size(); ++i) {
    if (walk.Visit(i)) continue;
    std::string cycle = absl::StrJoin(walk.cycle(), " -> ");
    return InvalidArgument("STEP_CYCLE",
                           absl::StrCat("the steps wait for each other: ", cycle,
                                        " (each depends on the next one); remove one of these "
                                        "entries from depends_on"),
                           {{"cycle", cycle}});
  }
  return std::move(walk).order();
}

std::string StepKind(const v1::Step& step) {
  switch (step.action_case()) {
    case v1::Step::kCrawl:
      return "crawl";
    case v1::Step::kSql:
      return "sql";
    case v1::Step::kCompact:
      return "compact";
    case v1::Step::kCheck:
      return "check";
    case v1::Step::kExport:
      return "export";
    case v1::Step::kNotify:
      return "notify";
    case v1::Step::ACTION_NOT_SET:
      return "";
  }
  return "";
}

}  // namespace tarn::transform
