// JSON strings out of any text. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace tarn::ingestion {

bool IsUtf8(std::string_view text);

// Appends `text` as a JSON string with its quotes. `text` is UTF-8.
void AppendJsonString(std::string_view text, std::string& out);

}  // namespace tarn::ingestion
