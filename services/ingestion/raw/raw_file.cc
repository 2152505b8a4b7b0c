#include "services/ingestion/raw/raw_file.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>
#include <zlib.h>

#include <absl/strings/str_cat.h>

#include "common/lake/durable_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".jsonl.gz";
constexpr size_t kUuidBytes = 36;
constexpr size_t kDigits = 20;
constexpr size_t kBufferBytes = 256u << 10;
// A record of 1 MiB in base64, and what stands around it.
constexpr size_t kMaxLineBytes = 4u << 20;
// Fast: delivery has a few hundred MiB to write for each one that arrives compressed. A higher
// level would make files of JSON about a fifth smaller at three times the cost.
constexpr int kCompressionLevel = 1;
constexpr int kGzipWindowBits = 15 + 16;

std::optional<uint64_t> ParsePosition(std::string_view digits) {
  uint64_t position = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), position);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return position;
}

std::string Digits(uint64_t position) {
  char digits[kDigits + 1];
  std::snprintf(digits, sizeof digits, "%020llu", static_cast<unsigned long long>(position));
  return digits;
}

absl::Status Damaged(const fs::path& path, int64_t line, std::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, "RAW_COPY_DAMAGED",
                   absl::StrCat("the raw copy '", path.string(), "' is damaged at line ", line,
                                ": ", std::string(what),
                                "; put the file back from a backup, or choose a range without it"),
                   {{"file", path.string()}});
}

}  // namespace

std::string RawFileName::ToString() const {
  return absl::StrCat(stream_uid, "_", log_id, "_", Digits(from), "-", Digits(to),
                      std::string(kSuffix));
}

std::optional<RawFileName> RawFileName::Parse(std::string_view name) {
  constexpr size_t kLogAt = kUuidBytes + 1;
  constexpr size_t kFromAt = kLogAt + kUuidBytes + 1;
  constexpr size_t kToAt = kFromAt + kDigits + 1;
  if (name.size() != kToAt + kDigits + kSuffix.size() || name.substr(kToAt + kDigits) != kSuffix ||
      name[kUuidBytes] != '_' || name[kFromAt - 1] != '_' || name[kToAt - 1] != '-') {
    return std::nullopt;
  }
  const std::optional<uint64_t> from = ParsePosition(name.substr(kFromAt, kDigits));
  const std::optional<uint64_t> to = ParsePosition(name.substr(kToAt, kDigits));
  if (!from || !to || *from >= *to) return std::nullopt;
  return RawFileName{std::string(name.substr(0, kUuidBytes)),
                     std::string(name.substr(kLogAt, kUuidBytes)), *from, *to};
}

struct RawFileWriter::State {
  explicit State(lake::DurableWriter writer) : file(std::move(writer)) {}
  ~State() { deflateEnd(&deflater); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Compresses what is gathered and writes it.
  absl::Status Write(int flush) {
    deflater.next_in = reinterpret_cast<Bytef*>(lines.data());
    deflater.avail_in = static_cast<uInt>(lines.size());
    do {
      deflater.next_out = reinterpret_cast<Bytef*>(compressed.data());
      deflater.avail_out = static_cast<uInt>(compressed.size());
      deflate(&deflater, flush);
      const size_t made = compressed.size() - deflater.avail_out;
      TARN_RETURN_IF_ERROR(file.Append(std::string_view(compressed).substr(0, made)));
      bytes += static_cast<int64_t>(made);
    } while (deflater.avail_out == 0);
    lines.clear();
    return absl::OkStatus();
  }

  lake::DurableWriter file;
  z_stream deflater = {};
  std::string lines;
  std::string compressed = std::string(kBufferBytes, '\0');
  int64_t bytes = 0;
};

RawFileWriter::RawFileWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
RawFileWriter::RawFileWriter(RawFileWriter&&) noexcept = default;
RawFileWriter& RawFileWriter::operator=(RawFileWriter&&) noexcept = default;
RawFileWriter::~RawFileWriter() = default;

absl::StatusOr<RawFileWriter> RawFileWriter::Create(const fs::path& path) {
  TARN_ASSIGN_OR_RETURN(lake::DurableWriter file, lake::DurableWriter::Create(path));
  auto state = std::make_unique<State>(std::move(file));
  if (deflateInit2(&state->deflater, kCompressionLevel, Z_DEFLATED, kGzipWindowBits, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return ResourceExhausted("OUT_OF_MEMORY", "there is no memory to compress a raw copy");
  }
  return RawFileWriter(std::move(state));
}

absl::Status RawFileWriter::Append(const ArrivedLine& record) {
  AppendRawLine(record, state_->lines);
  return state_->lines.size() < kBufferBytes ? absl::OkStatus() : state_->Write(Z_NO_FLUSH);
}

absl::StatusOr<int64_t> RawFileWriter::Commit() {
  TARN_RETURN_IF_ERROR(state_->Write(Z_FINISH));
  TARN_RETURN_IF_ERROR(state_->file.Commit());
  return state_->bytes;
}

struct RawFileReader::State {
  ~State() {
    if (file != nullptr) gzclose_r(file);
  }

  fs::path path;
  gzFile file = nullptr;
  std::string buffer;  // read and not yet given, from `at` on
  size_t at = 0;
  bool ended = false;
  int64_t line = 0;
};

RawFileReader::RawFileReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
RawFileReader::RawFileReader(RawFileReader&&) noexcept = default;
RawFileReader& RawFileReader::operator=(RawFileReader&&) noexcept = default;
RawFileReader::~RawFileReader() = default;

absl::StatusOr<RawFileReader> RawFileReader::Open(const fs::path& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  errno = 0;
  state->file = gzopen(path.c_str(), "re");
  if (state->file == nullptr) {
    return lake::FileError(errno == 0 ? ENOMEM : errno, "open", path);
  }
  gzbuffer(state->file, kBufferBytes);
  return RawFileReader(std::move(state));
}

absl::StatusOr<std::optional<RawRecord>> RawFileReader::Next() {
  State& state = *state_;
  while (true) {
    const size_t end = state.buffer.find('\n', state.at);
    if (end != std::string::npos) {
      ++state.line;
      absl::StatusOr<RawRecord> record =
          ParseRawLine(std::string_view(state.buffer).substr(state.at, end - state.at));
      state.at = end + 1;
      if (!record.ok())
        return Damaged(state.path, state.line, std::string(record.status().message()));
      return std::optional<RawRecord>(*std::move(record));
    }
    state.buffer.erase(0, state.at);
    state.at = 0;
    if (state.ended) {
      if (!state.buffer.empty()) return Damaged(state.path, state.line + 1, "the line has no end");
      // What was published has a record at least.
      if (state.line == 0) return Damaged(state.path, 0, "it is empty");
      return std::nullopt;
    }
    if (state.buffer.size() > kMaxLineBytes) {
      return Damaged(state.path, state.line + 1, "the line is too long");
    }
    const size_t kept = state.buffer.size();
    state.buffer.resize(kept + kBufferBytes);
    const int read = gzread(state.file, &state.buffer[kept], kBufferBytes);
    state.buffer.resize(kept + static_cast<size_t>(std::max(read, 0)));
    if (read == static_cast<int>(kBufferBytes)) continue;
    // Less than asked for: the end, or something is wrong with it.
    int code = Z_OK;
    const std::string what = gzerror(state.file, &code);
    if (code == Z_ERRNO) return lake::FileError(errno, "read", state.path);
    if (read < 0 || code != Z_OK) {
      return Damaged(state.path, state.line + 1, what.empty() ? "it is no gzip file" : what);
    }
    if (gzdirect(state.file) != 0) {
      return Damaged(state.path, state.line + 1, "it is no gzip file");
    }
    state.ended = gzeof(state.file) != 0;
  }
}

}  // namespace tarn::ingestion
