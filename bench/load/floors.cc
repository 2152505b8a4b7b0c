#include "bench/load/floors.h"

#include <fcntl.h>
#include <fstream>
#include <string>
#include <unistd.h>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "bench/load/load_target.h"
#include "common/duckdb/database.h"
#include "common/status/error.h"

namespace tarn::bench {
namespace {

constexpr double kMiB = 1 << 20;
constexpr size_t kFlushedBytes = 4 << 20;
constexpr int64_t kMostFileBytes = 1LL << 30;

}  // namespace

double WriteFloor(const std::filesystem::path& folder, const std::vector<MessageBatch>& batches,
                  absl::Duration duration) {
  std::string piece;
  for (const MessageBatch& batch : batches) {
    if (piece.size() < kFlushedBytes) piece += batch.lines;
  }
  const std::filesystem::path path = folder / "write-floor";
  const int file = open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  if (file < 0) DieUnlessOk(Unavailable("FILE", "cannot open " + path.string()), "write floor");
  int64_t bytes = 0;
  const absl::Time begin = absl::Now();
  while (absl::Now() - begin < duration) {
    if (write(file, piece.data(), piece.size()) != static_cast<ssize_t>(piece.size()) ||
        fdatasync(file) != 0) {
      DieUnlessOk(Unavailable("FILE", "cannot write " + path.string()), "write floor");
    }
    bytes += static_cast<int64_t>(piece.size());
    if (bytes % kMostFileBytes < static_cast<int64_t>(piece.size())) lseek(file, 0, SEEK_SET);
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  close(file);
  std::filesystem::remove(path);
  return static_cast<double>(bytes) / kMiB / seconds;
}

double ParquetFloor(const std::filesystem::path& folder, const std::vector<MessageBatch>& batches,
                    absl::Duration duration) {
  const std::string json = (folder / "floor.jsonl").string();
  int64_t bytes = 0;
  {
    std::ofstream out(json, std::ios::binary);
    for (const MessageBatch& batch : batches) {
      out << batch.lines;
      bytes += static_cast<int64_t>(batch.lines.size());
    }
  }
  auto database = duckdb::Database::Open({.threads = 2});
  DieUnlessOk(database.status(), "opening the engine");
  auto connection = database->Connect();
  DieUnlessOk(connection.status(), "opening the engine");
  const std::string copy = absl::StrCat(
      "COPY (SELECT * FROM read_json('", json,
      "', format='newline_delimited', columns={data: 'STRUCT(co DOUBLE, humidity DOUBLE, light "
      "BOOLEAN, lpg DOUBLE, motion BOOLEAN, smoke DOUBLE, temp DOUBLE)', device_id: 'VARCHAR', ts: "
      "'DOUBLE', device: 'VARCHAR', serial: 'BIGINT', sent_ms: 'BIGINT'})) TO '",
      (folder / "floor.parquet").string(), "' (FORMAT parquet, COMPRESSION zstd)");
  int64_t rounds = 0;
  const absl::Time begin = absl::Now();
  do {
    DieUnlessOk(connection->Execute(copy), "the engine's floor");
    ++rounds;
  } while (absl::Now() - begin < duration);
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  std::filesystem::remove(json);
  std::filesystem::remove(folder / "floor.parquet");
  return static_cast<double>(bytes * rounds) / kMiB / seconds;
}

}  // namespace tarn::bench
