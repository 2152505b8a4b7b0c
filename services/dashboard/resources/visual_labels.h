// The labels of a visual's output columns, in their order: dimensions, series, measures. Pure
// functions; any thread.
#pragma once

#include <string>
#include <vector>

namespace tarn::dashboard {

namespace v1 {
class Dimension;
class Measure;
class Visual;
}  // namespace v1

std::string LabelOf(const v1::Dimension& dimension);
std::string LabelOf(const v1::Measure& measure);
std::vector<std::string> OutputLabels(const v1::Visual& visual);

}  // namespace tarn::dashboard
