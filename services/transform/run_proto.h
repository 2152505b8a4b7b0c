// A run as callers see it. Pure functions; any thread.
#pragma once

#include "tarn/transform/v1/run.pb.h"

#include "services/transform/run.h"

namespace tarn::transform {

v1::Run ToProto(const RunRecord& run);

}  // namespace tarn::transform
