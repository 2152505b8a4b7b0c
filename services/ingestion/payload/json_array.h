// Where the elements of a JSON array stand in its text. Only boundaries are looked for, without
// recursion and in memory that does not depend on the text: what the elements are, others check.
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string_view>

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>

namespace tarn::ingestion {

// Calls `element` with offset and length of each; false ends it. A text that is no array is taken
// for one element. INVALID_ARGUMENT PAYLOAD_INVALID where the array is malformed between or after
// its elements, or does not end.
absl::Status SplitJsonArray(std::string_view text,
                            absl::FunctionRef<bool(size_t offset, size_t bytes)> element);

}  // namespace tarn::ingestion
