#include "common/testing/test_data.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace tarn {

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::fprintf(stderr, "cannot read %s; run tests from the repository's root\n", path.c_str());
    std::abort();
  }
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string ReadTestData(std::string_view path) { return ReadFile(std::filesystem::path(path)); }

}  // namespace tarn
