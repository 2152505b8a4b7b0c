#include "services/catalog/crawl/crawl_runner.h"

#include <algorithm>
#include <filesystem>

#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/crawl/file_converter.h"
#include "services/catalog/crawl/file_scanner.h"
#include "services/catalog/crawl/read_back.h"
#include "services/catalog/crawl/schema_policy.h"
#include "services/catalog/crawl/table_inference.h"

namespace tarn::catalog {
namespace {

// Within so long, a file may change twice without another time: file systems count in ticks.
constexpr absl::Duration kTimeGranularity = absl::Seconds(2);

std::string LandingRoot(const CrawlInput& input) { return input.workspace + "/landing/"; }

// One crawl: the steps in their order, each adding to `findings_` or to its problems.
class CrawlSteps {
 public:
  CrawlSteps(const lake::LakePaths& lake, duckdb::LazyDatabase& engine, const CrawlInput& input,
             const std::function<bool()>& stop)
      : lake_(lake), engine_(engine), input_(input), stop_(stop), begin_(absl::Now()) {}

  absl::StatusOr<CrawlFindings> Run() {
    const absl::Status ended = RunSteps();
    // What is not committed has no use for its copies.
    if (!ended.ok() || Failed() || input_.dry_run) RemoveCopies();
    TARN_RETURN_IF_ERROR(ended);
    const std::string root = LandingRoot(input_);
    for (FileProblem& problem : findings_.problems) {
      if (problem.path.starts_with(root)) problem.path.erase(0, root.size());
    }
    return std::move(findings_);
  }

 private:
  // A file that lies in the folder, or is gone but stays in the table.
  struct FileState {
    LandingFile file;
    const CrawledFile* known = nullptr;  // what still holds of it
    bool missing = false;
  };

  absl::Status RunSteps() {
    TARN_RETURN_IF_ERROR(ListFiles());
    if (files_.empty()) return EndWithoutFiles();
    TARN_RETURN_IF_ERROR(ChooseFormats());
    if (Failed()) return absl::OkStatus();
    TARN_RETURN_IF_ERROR(ChooseReading());
    if (Failed()) return absl::OkStatus();
    TARN_RETURN_IF_ERROR(ScanFiles());
    if (Failed()) return absl::OkStatus();
    Infer();
    if (Failed()) return absl::OkStatus();
    TARN_RETURN_IF_ERROR(Convert());
    if (Failed()) return absl::OkStatus();
    MakeFiles();
    return ReadBack();
  }

  bool Failed() const { return !findings_.problems.empty(); }
  absl::Status CheckStop() const {
    if (!stop_()) return absl::OkStatus();
    return MakeError(absl::StatusCode::kCancelled, "CRAWL_STOPPED", "the crawl was stopped");
  }
  std::string Absolute(const std::string& path) const { return lake_.root() / path; }
  // Adds a problem; false when there are enough of them.
  bool AddProblem(const std::string& path, std::string message) {
    findings_.problems.push_back({path, std::move(message)});
    return findings_.problems.size() < input_.max_problems;
  }
  // A file's fault is a problem, anything else ends the crawl; false when there are enough.
  absl::StatusOr<bool> AddFault(const std::string& path, const absl::Status& fault) {
    if (absl::IsInternal(fault)) return fault;
    return AddProblem(path, std::string(fault.message()));
  }

  absl::Status ListFiles() {
    TARN_ASSIGN_OR_RETURN(const PathFilter filter, PathFilter::Create(input_.options.exclude));
    const std::string folder = LandingRoot(input_) + input_.folder;
    TARN_ASSIGN_OR_RETURN(
        std::vector<LandingFile> listed,
        ListLandingFiles(lake_, folder, filter, input_.options.partition_columns));
    std::vector<const CrawledFile*> gone;
    auto next = listed.begin();
    for (const auto& [path, known] : input_.known) {
      while (next != listed.end() && next->path < path) ++next;
      if (next != listed.end() && next->path == path) continue;
      const std::string below = path.substr(folder.size() + 1);
      if (!filter.Excludes(below)) gone.push_back(&known);
    }
    for (LandingFile& file : listed) {
      TARN_RETURN_IF_ERROR(CheckStop());
      const CrawledFile* known = KnownOf(file);
      files_.push_back({std::move(file), known});
    }
    if (input_.options.on_deletion == DeletionPolicy::kRemove) return absl::OkStatus();
    for (const CrawledFile* known : gone) {
      FileState state{.known = known, .missing = true};
      state.file.path = known->path;
      state.file.below = known->path.substr(folder.size() + 1);
      state.file.byte_count = known->byte_count;
      state.file.modify_time = known->modify_time;
      state.file.partition = PartitionsOf(state.file.below, input_.options.partition_columns,
                                          state.file.unnamed_folders);
      files_.push_back(std::move(state));
      ++findings_.missing_files;
      findings_.changes.push_back({CrawlChangeKind::kRemoveFile,
                                   known->path.substr(LandingRoot(input_).size()), "", "",
                                   "on_deletion"});
    }
    std::sort(files_.begin(), files_.end(),
              [](const FileState& a, const FileState& b) { return a.file.path < b.file.path; });
    return absl::OkStatus();
  }

  // What is known of a file whose content is still the same, else null. The content itself is
  // looked at where size and time alone do not tell.
  const CrawledFile* KnownOf(const LandingFile& file) const {
    const auto found = input_.known.find(file.path);
    if (found == input_.known.end() || found->second.byte_count != file.byte_count ||
        input_.options.recrawl == RecrawlPolicy::kEverything) {
      return nullptr;
    }
    const CrawledFile& known = found->second;
    if (known.modify_time == file.modify_time && known.settled) return &known;
    if (known.scanned.fingerprint.empty()) return nullptr;
    const absl::StatusOr<std::string> fingerprint =
        FingerprintOf(Absolute(file.path), known.format);
    return fingerprint.ok() && *fingerprint == known.scanned.fingerprint ? &known : nullptr;
  }

  absl::Status EndWithoutFiles() {
    if (!input_.current) {
      return FailedPrecondition(
          "NO_FILES", "there are no files in landing/" + input_.folder + "; upload some first",
          {{"folder", input_.folder}});
    }
    findings_.definition = *input_.current;
    findings_.changed_files = static_cast<int64_t>(input_.known.size());
    return absl::OkStatus();
  }

  absl::Status ChooseFormats() {
    std::string first;
    for (const FileState& state : files_) {
      TARN_RETURN_IF_ERROR(CheckStop());
      FileFormat format = input_.format;
      if (!input_.options.text_pattern.empty()) {
        format = FileFormat::kText;
      } else if (format == FileFormat::kUnspecified && state.known != nullptr) {
        format = state.known->format;
      } else if (format == FileFormat::kUnspecified) {
        const absl::StatusOr<FileFormat> detected =
            DetectFormat(Absolute(state.file.path), input_.options.encoding);
        if (!detected.ok()) {
          TARN_ASSIGN_OR_RETURN(const bool more, AddFault(state.file.path, detected.status()));
          if (!more) break;
          continue;
        }
        format = *detected;
      }
      if (reading_.format == FileFormat::kUnspecified) {
        reading_.format = format;
        first = state.file.below;
      } else if (format != reading_.format) {
        if (!AddProblem(state.file.path,
                        absl::StrCat("the file is ", FormatName(format), ", where ", first, " is ",
                                     FormatName(reading_.format)))) {
          break;
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status ChooseReading() {
    reading_.encoding = input_.options.encoding;
    if (!input_.options.line_comment.empty()) reading_.comment = input_.options.line_comment[0];
    if (reading_.format == FileFormat::kText) {
      TARN_ASSIGN_OR_RETURN(text_, [&]() -> absl::StatusOr<std::unique_ptr<TextPattern>> {
        TARN_ASSIGN_OR_RETURN(TextPattern pattern,
                              TextPattern::Create(input_.options.text_pattern));
        return std::make_unique<TextPattern>(std::move(pattern));
      }());
      reading_.text = text_.get();
    }
    if (reading_.format == FileFormat::kXml) {
      reading_.row_element = input_.xml_row_element;
      if (reading_.row_element.empty() && input_.current && input_.current->external) {
        reading_.row_element = input_.current->external->xml_row_element;
      }
    }
    if (reading_.format == FileFormat::kCsv) return ChooseCsvReading();
    return absl::OkStatus();
  }

  absl::Status ChooseCsvReading() {
    const auto present = std::find_if(files_.begin(), files_.end(),
                                      [](const FileState& state) { return !state.missing; });
    if (present == files_.end()) {
      reading_.csv.options = input_.current->external->csv.value_or(CsvOptions{});
      return absl::OkStatus();
    }
    absl::StatusOr<CsvReading> reading = DetectCsvReading(Absolute(present->file.path), input_.csv,
                                                          reading_.encoding, reading_.comment);
    if (!reading.ok()) return AddFault(present->file.path, reading.status()).status();
    reading_.csv = *std::move(reading);
    // Read in another way than before, nothing of what is known holds.
    if (input_.current && input_.current->external &&
        input_.current->external->csv != reading_.csv.options) {
      for (FileState& state : files_) {
        if (!state.missing) state.known = nullptr;
      }
    }
    return absl::OkStatus();
  }

  absl::Status ScanFiles() {
    FileScanner scanner(engine_, reading_);
    for (const FileState& state : files_) {
      TARN_RETURN_IF_ERROR(CheckStop());
      const LandingFile& file = state.file;
      CrawledFile crawled{.path = file.path,
                          .byte_count = file.byte_count,
                          .modify_time = file.modify_time,
                          .settled = file.modify_time + kTimeGranularity < begin_,
                          .format = reading_.format};
      if (state.known != nullptr) {
        crawled.scanned = state.known->scanned;
        crawled.derived_path = state.known->derived_path;
      } else {
        ++findings_.changed_files;
        absl::StatusOr<ScannedFile> scanned = scanner.Scan(Absolute(file.path));
        if (!scanned.ok()) {
          TARN_ASSIGN_OR_RETURN(const bool more, AddFault(file.path, scanned.status()));
          if (!more) break;
        } else {
          crawled.scanned = *std::move(scanned);
        }
      }
      findings_.crawled.push_back(std::move(crawled));
    }
    return absl::OkStatus();
  }

  void Infer() {
    std::vector<LandingFile> files;
    std::vector<const InferredType*> evidence;
    for (size_t i = 0; i < files_.size(); ++i) {
      files.push_back(files_[i].file);
      evidence.push_back(&findings_.crawled[i].scanned.columns);
    }
    findings_.problems =
        CheckPartitions(files, evidence, reading_.format, input_.options.partition_columns);
    if (findings_.problems.size() > input_.max_problems) {
      findings_.problems.resize(input_.max_problems);
    }
    if (Failed()) return;
    InferredTable table = InferTable(files, evidence);
    if (table.column_count > kMaxColumns) {
      AddProblem(files_.back().file.path,
                 absl::StrCat("the files up to here have ", table.column_count,
                              " different columns, where a table has at most ", kMaxColumns));
      return;
    }
    findings_.explanations = ExplainColumns(files, evidence, table, LandingRoot(input_));
    TableDefinition found;
    found.schema.fields = std::move(table.columns);
    found.partition_fields = std::move(table.partition_fields);
    ExternalSource source{.path = input_.folder, .format = reading_.format};
    if (reading_.format == FileFormat::kCsv) source.csv = reading_.csv.options;
    if (reading_.format == FileFormat::kXml) source.xml_row_element = reading_.row_element;
    if (reading_.format == FileFormat::kText) source.text_pattern = input_.options.text_pattern;
    found.external = std::move(source);
    ApplyPolicy(std::move(found));
    new_reading_ = !input_.current || !SameReading(*input_.current, findings_.definition);
  }

  // The definition that the table gets, and what differs between it and the present one.
  void ApplyPolicy(TableDefinition found) {
    if (!input_.current) {
      findings_.definition = std::move(found);
      return;
    }
    if (input_.options.on_schema_change != SchemaChangePolicy::kUpdate) {
      KeepTypesWithoutEvidence(found.schema.fields);
    }
    std::vector<CrawlChange> changes = CompareDefinitions(*input_.current, found);
    absl::StatusOr<TableDefinition> allowed =
        AllowedDefinition(*input_.current, std::move(found), input_.options.on_schema_change);
    if (!allowed.ok()) {
      AddProblem(files_.front().file.path, std::string(allowed.status().message()));
      return;
    }
    findings_.definition = *std::move(allowed);
    const std::vector<CrawlChange> applied =
        CompareDefinitions(*input_.current, findings_.definition);
    for (CrawlChange& change : changes) {
      if (std::find(applied.begin(), applied.end(), change) == applied.end()) {
        change.held_back_by = "on_schema_change";
      }
    }
    findings_.changes.insert(findings_.changes.begin(), changes.begin(), changes.end());
  }

  // A column of which no file has a value says nothing against the type that it has.
  void KeepTypesWithoutEvidence(std::vector<Field>& found) const {
    for (const ColumnExplanation& explanation : findings_.explanations) {
      if (!explanation.seen.empty()) continue;
      const Field* kept = FindColumn(input_.current->schema.fields, explanation.column);
      for (Field& field : found) {
        if (kept != nullptr && field.name == explanation.column) field = *kept;
      }
    }
  }

  // The copies through which files are read that the engine does not read itself: of those that
  // changed, and of XML and text, whose copies are typed, all for new columns.
  absl::Status Convert() {
    const bool typed = reading_.format == FileFormat::kXml || reading_.format == FileFormat::kText;
    FileConverter converter(lake_, engine_, input_.workspace, reading_);
    for (size_t i = 0; i < files_.size(); ++i) {
      CrawledFile& crawled = findings_.crawled[i];
      const FileState& state = files_[i];
      if (state.missing || !(typed || crawled.scanned.needs_copy)) continue;
      const bool current = state.known != nullptr && !(typed && new_reading_);
      if (current && !crawled.derived_path.empty()) continue;
      TARN_RETURN_IF_ERROR(CheckStop());
      absl::StatusOr<std::string> copy =
          typed ? converter.ConvertToParquet(state.file.path, findings_.definition)
                : converter.CopyText(state.file.path);
      if (copy.ok()) {
        copies_.push_back(*copy);
        crawled.derived_path = *std::move(copy);
      } else if (absl::IsInvalidArgument(copy.status())) {
        if (!AddProblem(state.file.path, std::string(copy.status().message()))) break;
      } else {
        return copy.status();
      }
    }
    return absl::OkStatus();
  }

  void RemoveCopies() {
    for (const std::string& copy : copies_) {
      std::error_code ignored;
      std::filesystem::remove(Absolute(copy), ignored);
    }
  }

  void MakeFiles() {
    for (size_t i = 0; i < files_.size(); ++i) {
      const LandingFile& file = files_[i].file;
      findings_.files.push_back({.path = file.path,
                                 .derived_path = findings_.crawled[i].derived_path,
                                 .row_count = findings_.crawled[i].scanned.row_count,
                                 .byte_count = file.byte_count,
                                 .partition = file.partition,
                                 .modify_time = file.modify_time});
    }
  }

  // The engine reads every row of what is new with the types found: what cannot be queried later
  // is not committed now.
  absl::Status ReadBack() {
    std::vector<FileToVerify> files;
    for (size_t i = 0; i < files_.size(); ++i) {
      if (files_[i].missing || (files_[i].known != nullptr && !new_reading_)) continue;
      files.push_back({&findings_.files[i], &findings_.crawled[i].scanned.columns});
    }
    TARN_ASSIGN_OR_RETURN(findings_.problems, VerifyReadable(engine_, lake_, findings_.definition,
                                                             files, input_.max_problems, stop_));
    for (size_t i = 0; i < files_.size(); ++i) {
      findings_.crawled[i].scanned.row_count = findings_.files[i].row_count;
      findings_.row_count += findings_.files[i].row_count;
    }
    return absl::OkStatus();
  }

  const lake::LakePaths& lake_;
  duckdb::LazyDatabase& engine_;
  const CrawlInput& input_;
  const std::function<bool()>& stop_;
  const absl::Time begin_;

  std::vector<FileState> files_;  // by path
  std::unique_ptr<TextPattern> text_;
  FileReading reading_;
  bool new_reading_ = false;
  std::vector<std::string> copies_;  // made by this crawl
  CrawlFindings findings_;
};

}  // namespace

absl::StatusOr<CrawlFindings> CrawlRunner::Run(const CrawlInput& input,
                                               const std::function<bool()>& stop) {
  return CrawlSteps(lake_, engine_, input, stop).Run();
}

}  // namespace tarn::catalog
