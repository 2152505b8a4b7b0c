#include "services/catalog/crawl/crawl_runner.h"

#include <fstream>

#include <absl/strings/str_cat.h>

#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/crawl/csv_scanner.h"
#include "services/catalog/crawl/file_converter.h"
#include "services/catalog/crawl/file_scanner.h"
#include "services/catalog/crawl/read_back.h"
#include "services/catalog/crawl/table_inference.h"

namespace tarn::catalog {
namespace {

std::string LandingRoot(const CrawlInput& input) { return input.workspace + "/landing/"; }

// One crawl: the steps in their order, each adding to `findings_` or to its problems.
class Crawl {
 public:
  Crawl(const lake::LakePaths& lake, duckdb::LazyDatabase& engine, const CrawlInput& input,
        const std::function<bool()>& stop)
      : lake_(lake), engine_(engine), input_(input), stop_(stop) {}

  absl::StatusOr<CrawlFindings> Run() {
    TARN_ASSIGN_OR_RETURN(files_, ListLandingFiles(lake_, LandingRoot(input_) + input_.folder));
    if (files_.empty()) return WithoutFiles();
    TARN_RETURN_IF_ERROR(ChooseFormats());
    if (Failed()) return Findings();
    TARN_RETURN_IF_ERROR(ChooseCsvReading());
    if (Failed()) return Findings();
    TARN_RETURN_IF_ERROR(ScanFiles());
    if (Failed()) return Findings();
    Infer();
    if (Failed()) return Findings();
    TARN_RETURN_IF_ERROR(Convert());
    if (Failed()) return Findings();
    MakeFiles();
    TARN_RETURN_IF_ERROR(ReadBack());
    return Findings();
  }

 private:
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
  CrawlFindings Findings() {
    const std::string root = LandingRoot(input_);
    for (FileProblem& problem : findings_.problems) {
      if (problem.path.rfind(root, 0) == 0) problem.path.erase(0, root.size());
    }
    return std::move(findings_);
  }

  absl::StatusOr<CrawlFindings> WithoutFiles() {
    if (!input_.current) {
      return FailedPrecondition(
          "NO_FILES", "there are no files in landing/" + input_.folder + "; upload some first",
          {{"folder", input_.folder}});
    }
    findings_.definition = *input_.current;
    findings_.changed_files = static_cast<int64_t>(input_.known.size());
    return Findings();
  }

  // What is known of a file that has not changed since, else null.
  const CrawledFile* Known(const LandingFile& file) const {
    const auto found = input_.known.find(file.path);
    if (found == input_.known.end() || found->second.byte_count != file.byte_count ||
        found->second.modify_time != file.modify_time) {
      return nullptr;
    }
    return &found->second;
  }

  absl::Status ChooseFormats() {
    std::string first;
    for (const LandingFile& file : files_) {
      TARN_RETURN_IF_ERROR(CheckStop());
      FileFormat format = input_.format;
      if (const CrawledFile* known = Known(file);
          format == FileFormat::kUnspecified && known != nullptr) {
        format = known->format;
      } else if (format == FileFormat::kUnspecified) {
        const absl::StatusOr<FileFormat> detected = DetectFormat(Absolute(file.path));
        if (!detected.ok()) {
          if (!AddProblem(file.path, std::string(detected.status().message()))) break;
          continue;
        }
        format = *detected;
      }
      if (format_ == FileFormat::kUnspecified) {
        format_ = format;
        first = file.below;
      } else if (format != format_) {
        if (!AddProblem(file.path, absl::StrCat("the file is ", FormatName(format), ", where ",
                                                first, " is ", FormatName(format_)))) {
          break;
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status ChooseCsvReading() {
    if (format_ != FileFormat::kCsv) return absl::OkStatus();
    absl::StatusOr<CsvReading> reading =
        DetectCsvReading(Absolute(files_.front().path), input_.csv);
    if (!reading.ok()) {
      AddProblem(files_.front().path, std::string(reading.status().message()));
      return absl::OkStatus();
    }
    csv_ = *std::move(reading);
    // Read in another way than before, nothing of what is known holds.
    rescan_ =
        input_.current && input_.current->external && input_.current->external->csv != csv_.options;
    return absl::OkStatus();
  }

  absl::Status ScanFiles() {
    if (format_ == FileFormat::kXml) {
      row_element_ = input_.xml_row_element;
      if (row_element_.empty() && input_.current && input_.current->external) {
        row_element_ = input_.current->external->xml_row_element;
      }
    }
    FileScanner scanner(engine_, format_, csv_, row_element_);
    for (const LandingFile& file : files_) {
      TARN_RETURN_IF_ERROR(CheckStop());
      CrawledFile crawled{file.path, file.byte_count, file.modify_time, format_, {}, {}};
      const CrawledFile* known = rescan_ ? nullptr : Known(file);
      changed_.push_back(known == nullptr);
      if (known != nullptr) {
        crawled.scanned = known->scanned;
        crawled.derived_path = known->derived_path;
      } else {
        ++findings_.changed_files;
        absl::StatusOr<ScannedFile> scanned = scanner.Scan(Absolute(file.path));
        if (!scanned.ok()) {
          if (absl::IsInternal(scanned.status())) return scanned.status();
          if (!AddProblem(file.path, std::string(scanned.status().message()))) break;
        } else {
          crawled.scanned = *std::move(scanned);
        }
      }
      findings_.crawled.push_back(std::move(crawled));
    }
    row_element_ = scanner.row_element();
    return absl::OkStatus();
  }

  void Infer() {
    std::vector<InferredType> evidence;
    for (const CrawledFile& file : findings_.crawled) evidence.push_back(file.scanned.columns);
    findings_.problems = CheckPartitions(files_, evidence, format_);
    if (Failed()) return;
    InferredTable table = InferTable(files_, evidence);
    findings_.definition.schema.fields = std::move(table.columns);
    findings_.definition.partition_fields = std::move(table.partition_fields);
    ExternalSource source{.path = input_.folder, .format = format_};
    if (format_ == FileFormat::kCsv) source.csv = csv_.options;
    if (format_ == FileFormat::kXml) source.xml_row_element = row_element_;
    findings_.definition.external = std::move(source);
    new_reading_ = !input_.current || !SameReading(*input_.current, findings_.definition);
  }

  // The copies through which files are read that the engine does not read itself: of those that
  // changed, and of XML, whose copies are typed, all for new columns.
  absl::Status Convert() {
    const bool xml = format_ == FileFormat::kXml;
    FileConverter converter(lake_, engine_, input_.workspace);
    for (size_t i = 0; i < files_.size(); ++i) {
      CrawledFile& crawled = findings_.crawled[i];
      if (!xml && !crawled.scanned.byte_order_mark) continue;
      if (!changed_[i] && !(xml && new_reading_) && !crawled.derived_path.empty()) continue;
      TARN_RETURN_IF_ERROR(CheckStop());
      absl::StatusOr<std::string> derived =
          xml ? converter.ConvertXml(files_[i].path, row_element_, findings_.definition)
              : converter.ConvertMarkedJson(files_[i].path);
      if (derived.ok()) {
        crawled.derived_path = *std::move(derived);
      } else if (absl::IsInvalidArgument(derived.status())) {
        AddProblem(files_[i].path, std::string(derived.status().message()));
      } else {
        return derived.status();
      }
    }
    return absl::OkStatus();
  }

  void MakeFiles() {
    for (size_t i = 0; i < files_.size(); ++i) {
      findings_.files.push_back({.path = files_[i].path,
                                 .derived_path = findings_.crawled[i].derived_path,
                                 .row_count = findings_.crawled[i].scanned.row_count,
                                 .byte_count = files_[i].byte_count,
                                 .partition = files_[i].partition,
                                 .modify_time = files_[i].modify_time});
    }
  }

  // The engine reads every row of what is new with the types found: what cannot be queried later
  // is not committed now.
  absl::Status ReadBack() {
    std::vector<FileToVerify> files;
    for (size_t i = 0; i < files_.size(); ++i) {
      if (!changed_[i] && !new_reading_) continue;
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

  std::vector<LandingFile> files_;
  std::vector<bool> changed_;  // by file
  FileFormat format_ = FileFormat::kUnspecified;
  CsvReading csv_;
  std::string row_element_;
  bool rescan_ = false;
  bool new_reading_ = false;
  CrawlFindings findings_;
};

}  // namespace

absl::StatusOr<CrawlFindings> CrawlRunner::Run(const CrawlInput& input,
                                               const std::function<bool()>& stop) {
  return Crawl(lake_, engine_, input, stop).Run();
}

}  // namespace tarn::catalog
