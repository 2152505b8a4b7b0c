// What a key may look like that somebody asks for. Pure functions; any thread.
#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

namespace tarn::dashboard {

// Whom the key of Tarn's own services names.
inline constexpr char kServiceUser[] = "service";

struct Key;

// OK, or INVALID_ARGUMENT with reason INVALID_FIELD and the path of every bad field ("key.user").
absl::Status ValidateNewKey(const Key& key, absl::Time now);

}  // namespace tarn::dashboard
