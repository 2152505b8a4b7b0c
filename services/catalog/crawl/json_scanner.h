// Reads JSON lines and JSON arrays of objects for the types of their fields. JSON's own types are
// taken as they are: text stays text, also when it looks like a date or a number; whole numbers are
// longs, among doubles doubles. An object is a struct, an array a list; what does not fit together
// is text. An object has at most kMaxLineBytes, and all of them together kMaxColumns fields.
//
// Errors are INVALID_ARGUMENT CORRUPT_FILE with line and column. Pure but for the stream.
#pragma once

#include <istream>

#include <absl/status/statusor.h>

#include "services/catalog/crawl/scanned_file.h"

namespace tarn::catalog {

// One object a line; empty lines do not count, the last one may lack its end.
absl::StatusOr<ScannedFile> ScanJsonLines(std::istream& in);

// One array of objects. The stream can be put back to its beginning.
absl::StatusOr<ScannedFile> ScanJsonArray(std::istream& in);

}  // namespace tarn::catalog
