// What a put over HTTP is answered with. Pure function; any thread.
#pragma once

#include <string>

#include "services/ingestion/record_writer.h"

namespace tarn::ingestion {

// PutRecordsResponse in proto JSON, written by hand: there may be thousands of results.
std::string PutResponseJson(const PutOutcome& outcome);

}  // namespace tarn::ingestion
