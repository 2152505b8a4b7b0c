// What may be chosen in a filter. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "common/status/error.h"

namespace tarn::dashboard {

namespace v1 {
class Filter;
class FilterValue;
}  // namespace v1

// Nothing chosen: everything.
bool IsEverything(const v1::FilterValue& value);

// Adds what is wrong with `value` as a choice of `filter`; `path` is where it stands.
void CheckFilterValue(const v1::Filter& filter, const v1::FilterValue& value,
                      const std::string& path, std::vector<FieldViolation>& violations);

}  // namespace tarn::dashboard
