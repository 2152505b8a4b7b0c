// Undoes the Content-Encoding of a body, within bounds: what a small body may grow to, and the
// memory that growing takes, do not depend on what it claims. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

namespace tarn {

// `encoding` is the header's value: "" and "identity" give the body as it is; gzip (several members
// too) and zstd (several frames too). Errors, all INVALID_ARGUMENT: ENCODING_UNKNOWN,
// ENCODING_INVALID (the body is not what it says, or ends too soon), and REQUEST_TOO_LARGE for more
// than `max_bytes`, told as soon as it is seen.
absl::StatusOr<std::string> DecodeContent(std::string_view encoding, std::string body,
                                          size_t max_bytes);

}  // namespace tarn
