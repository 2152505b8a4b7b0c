// CRC-32C (Castagnoli), the checksum of the write-ahead log. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace tarn::wal {

// The checksum of `data`; with `crc`, of what `crc` covers followed by `data`.
uint32_t Crc32c(std::string_view data, uint32_t crc = 0);

}  // namespace tarn::wal
