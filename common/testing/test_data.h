// Files that tests read.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace tarn {

// The whole content of `path`, relative to the repository's root (where ctest runs the tests) or
// absolute. A file that cannot be read ends the test program.
std::string ReadTestData(std::string_view path);
std::string ReadFile(const std::filesystem::path& path);

}  // namespace tarn
