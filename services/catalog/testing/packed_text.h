// Text as gzip and zstd pack it, for tests.
#pragma once

#include <string>
#include <string_view>

namespace tarn::catalog {

std::string Gzip(std::string_view text);
std::string Zstd(std::string_view text);

}  // namespace tarn::catalog
