// Rows as query sends them (one JSON array a line) into values of a response. Pure; any thread.
#pragma once

#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <google/protobuf/struct.pb.h>

namespace tarn::dashboard {

// Adds the rows of one batch. INTERNAL with reason ROWS_UNREADABLE.
absl::Status AppendJsonRows(std::string_view data, std::vector<google::protobuf::ListValue>& rows);

}  // namespace tarn::dashboard
