// What comes out of a run of activities, and what a run needs. Plain values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <absl/time/time.h>

namespace tarn::ingestion {

class FunctionCaller;
class RelationTables;
class SeenKeys;

inline constexpr char kActivityFailed[] = "ACTIVITY_FAILED";
inline constexpr char kFunctionRefused[] = "FUNCTION_REFUSED";

// What runs need. Null where there is none: activities that need it are refused by Compile. All
// outlive what is compiled with them.
struct ActivityEnvironment {
  RelationTables* relations = nullptr;
  FunctionCaller* functions = nullptr;
  // The longest that one batch's chain of expressions may take in the engine.
  absl::Duration time_limit = absl::Seconds(60);
};

// A record that an activity refused.
struct RefusedRow {
  int64_t position = 0;
  // Which activity, from 0 (kBeforeActivities for the condition before them), and how it is called
  // in messages.
  int activity = 0;
  std::string label;
  // ACTIVITY_FAILED, FUNCTION_REFUSED.
  std::string reason;
  std::string message;
};

struct ActivityOutcome {
  // By position.
  std::vector<RefusedRow> refused;
  // Rows that filters, look-ups, functions and deduplication dropped.
  int64_t dropped = 0;
  // Rows that came through.
  int64_t rows = 0;
};

}  // namespace tarn::ingestion
