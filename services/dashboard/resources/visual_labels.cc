#include "services/dashboard/resources/visual_labels.h"

#include "tarn/dashboard/v1/dashboard.pb.h"

namespace tarn::dashboard {

std::string LabelOf(const v1::Dimension& dimension) {
  return dimension.label().empty() ? dimension.field() : dimension.label();
}

std::string LabelOf(const v1::Measure& measure) {
  if (!measure.label().empty()) return measure.label();
  return measure.field().empty() ? "count" : measure.field();
}

std::vector<std::string> OutputLabels(const v1::Visual& visual) {
  std::vector<std::string> labels;
  for (const v1::Dimension& dimension : visual.dimensions()) labels.push_back(LabelOf(dimension));
  if (visual.has_series()) labels.push_back(LabelOf(visual.series()));
  for (const v1::Measure& measure : visual.measures()) labels.push_back(LabelOf(measure));
  return labels;
}

}  // namespace tarn::dashboard
