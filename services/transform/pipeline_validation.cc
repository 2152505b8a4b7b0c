#include "services/transform/pipeline_validation.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "tarn/transform/v1/pipeline.pb.h"

#include "common/names/names.h"
#include "common/names/nearest_name.h"
#include "common/schedule/cron_schedule.h"
#include "common/status/error.h"
#include "services/transform/parameter_values.h"
#include "services/transform/proto_time.h"
#include "services/transform/sql_template.h"
#include "services/transform/step_graph.h"
#include "services/transform/step_statement.h"

namespace tarn::transform {
namespace {

constexpr int kMaxParameters = 100;
constexpr int kMaxTriggers = 50;
constexpr size_t kMaxSqlBytes = 1 << 20;
constexpr size_t kMaxMessageBytes = 16 << 10;
constexpr int64_t kMinTargetFileBytes = 1 << 20;
constexpr int64_t kMaxTargetFileBytes = int64_t{4} << 30;

class Validator {
 public:
  explicit Validator(const v1::Pipeline& pipeline) : pipeline_(pipeline) {}

  absl::Status Run() {
    CheckName();
    CheckParameters();
    CheckSteps();
    CheckSchedule();
    for (int i = 0; i < pipeline_.triggers_size(); ++i) CheckTrigger(i);
    if (pipeline_.triggers_size() > kMaxTriggers) {
      Add("triggers", absl::StrCat("has more than ", kMaxTriggers, " triggers"));
    }
    if (pipeline_.max_concurrent_runs() < 1 ||
        pipeline_.max_concurrent_runs() > kMaxConcurrentRuns) {
      Add("max_concurrent_runs", absl::StrCat("must be between 1 and ", kMaxConcurrentRuns));
    }
    if (!violations_.empty()) return InvalidFields(std::move(violations_));
    return OrderSteps(pipeline_).status();
  }

 private:
  void Add(const std::string& field, std::string description) {
    violations_.push_back({"pipeline." + field, std::move(description)});
  }
  void AddError(const std::string& field, const absl::Status& status) {
    if (!status.ok()) Add(field, std::string(status.message()));
  }
  // What is wrong with an id, without the field's name before it.
  void AddIdError(const std::string& field, const absl::Status& status) {
    if (status.ok()) return;
    std::vector<FieldViolation> found = FieldViolationsOf(status);
    Add(field, found.empty() ? std::string(status.message()) : found[0].description);
  }

  void CheckName() {
    absl::StatusOr<std::vector<std::string>> id =
        names::Parse("pipelines/{pipeline}", pipeline_.name());
    if (!id.ok()) {
      AddError("name", id.status());
    } else {
      AddIdError("name", names::ValidateId("pipeline.name", (*id)[0]));
    }
  }

  void CheckParameters() {
    if (pipeline_.parameters_size() > kMaxParameters) {
      Add("parameters", absl::StrCat("has more than ", kMaxParameters, " parameters"));
    }
    for (int i = 0; i < pipeline_.parameters_size(); ++i) {
      const v1::PipelineParameter& parameter = pipeline_.parameters(i);
      const std::string field = absl::StrCat("parameters[", i, "]");
      AddIdError(field + ".name", names::ValidateSqlId("name", parameter.name()));
      if (!parameters_.insert(parameter.name()).second) {
        Add(field + ".name", "is the name of another parameter, too");
      }
      if (!IsParameterType(parameter.type())) {
        Add(field + ".type", absl::StrCat("\"", parameter.type(),
                                          "\" is no type; use string, integer, double, boolean, "
                                          "date or timestamp"));
      } else if (parameter.has_default_value()) {
        AddError(field + ".default_value",
                 CheckParameterValue(parameter, parameter.default_value()));
      }
    }
  }

  void CheckSteps() {
    if (pipeline_.steps().empty() || pipeline_.steps_size() > kMaxSteps) {
      Add("steps", absl::StrCat("must be 1 to ", kMaxSteps, " steps"));
    }
    std::set<std::string> ids;
    for (const v1::Step& step : pipeline_.steps()) ids.insert(step.id());
    std::set<std::string> seen;
    for (int i = 0; i < pipeline_.steps_size(); ++i) {
      const v1::Step& step = pipeline_.steps(i);
      const std::string field = absl::StrCat("steps[", i, "]");
      AddIdError(field + ".id", names::ValidateId("id", step.id()));
      if (!seen.insert(step.id()).second) {
        Add(field + ".id", absl::StrCat("\"", step.id(), "\" is the id of another step, too"));
      }
      CheckDependencies(field, step, ids);
      CheckAction(field, step);
      CheckRetry(field + ".retry", step.retry());
      if (step.has_timeout() && (ToDuration(step.timeout()) < absl::Seconds(1) ||
                                 ToDuration(step.timeout()) > absl::Hours(24 * 7))) {
        Add(field + ".timeout", "must be between 1 s and 7 days");
      }
    }
  }

  void CheckDependencies(const std::string& field, const v1::Step& step,
                         const std::set<std::string>& ids) {
    std::set<std::string> seen;
    for (int i = 0; i < step.depends_on_size(); ++i) {
      const std::string entry = absl::StrCat(field, ".depends_on[", i, "]");
      const std::string& before = step.depends_on(i);
      if (ids.count(before) == 0) {
        Add(entry, absl::StrCat("there is no step \"", before, "\"",
                                names::DidYouMean(before, {ids.begin(), ids.end()})));
      }
      if (!seen.insert(before).second) {
        Add(entry, absl::StrCat("names \"", before, "\" a second time"));
      }
    }
  }

  void CheckAction(const std::string& field, const v1::Step& step) {
    switch (step.action_case()) {
      case v1::Step::kCrawl:
        CheckPattern(field + ".crawl.crawler", "crawlers/{crawler}", step.crawl().crawler());
        break;
      case v1::Step::kSql:
        CheckSqlStep(field + ".sql", step.sql());
        break;
      case v1::Step::kCompact:
        CheckTable(field + ".compact.table", step.compact().table());
        if (const int64_t bytes = step.compact().target_file_bytes();
            bytes != 0 && (bytes < kMinTargetFileBytes || bytes > kMaxTargetFileBytes)) {
          Add(field + ".compact.target_file_bytes", "must be between 1 MiB and 4 GiB");
        }
        break;
      case v1::Step::kCheck:
        CheckSql(field + ".check.sql", step.check().sql());
        CheckDatabase(field + ".check.default_database", step.check().default_database());
        break;
      case v1::Step::kExport:
        CheckExport(field + ".export", step.export_());
        break;
      case v1::Step::kNotify:
        CheckPattern(field + ".notify.channel", "channels/{channel}", step.notify().channel());
        CheckMessage(field + ".notify.message", step.notify().message());
        break;
      case v1::Step::ACTION_NOT_SET:
        Add(field, "does nothing; give it one of crawl, sql, compact, check, export, notify");
        break;
    }
  }

  void CheckPattern(const std::string& field, std::string_view pattern, const std::string& name) {
    if (!names::Matches(pattern, name)) {
      Add(field,
          absl::StrCat("must be of the form ", absl::string_view(pattern.data(), pattern.size()),
                       ", not \"", name, "\""));
    }
  }

  void CheckTable(const std::string& field, const std::string& table) {
    if (!names::ParseSqlName(table).ok()) {
      Add(field, absl::StrCat("must be of the form database.table, not \"", table, "\""));
    }
  }

  void CheckDatabase(const std::string& field, const std::string& database) {
    if (!database.empty()) AddIdError(field, names::ValidateSqlId("database", database));
  }

  void CheckSql(const std::string& field, const std::string& sql) {
    if (sql.size() > kMaxSqlBytes) return Add(field, "is longer than 1 MiB");
    absl::StatusOr<SqlTemplate> parsed = ParseSqlTemplate(sql);
    if (!parsed.ok()) return AddError(field, parsed.status());
    if (parsed->sql.find_first_not_of(" \t\r\n") == std::string::npos) {
      return Add(field, "is required");
    }
    for (const std::string& name : parsed->parameters) {
      if (parameters_.count(name) == 0) AddUnknownParameter(field, name);
    }
  }

  void AddUnknownParameter(const std::string& field, const std::string& name) {
    Add(field, absl::StrCat("names ${", name, "}, which is no parameter of the pipeline",
                            names::DidYouMean(name, {parameters_.begin(), parameters_.end()})));
  }

  void CheckSqlStep(const std::string& field, const v1::SqlStep& step) {
    CheckSql(field + ".sql", step.sql());
    CheckDatabase(field + ".default_database", step.default_database());
    if (!step.table().empty()) {
      CheckTable(field + ".table", step.table());
    } else {
      if (step.mode() != v1::WRITE_MODE_UNSPECIFIED) {
        Add(field + ".mode", "says how a table is written; give the table, or leave it out");
      }
      if (!step.partition_by().empty()) {
        Add(field + ".partition_by",
            "says how a table is partitioned; give the table, or leave it out");
      }
    }
    if (!v1::WriteMode_IsValid(step.mode())) Add(field + ".mode", "is not a mode");
    if (step.mode() == v1::WRITE_MODE_INSERT && !step.partition_by().empty()) {
      Add(field + ".partition_by", "cannot change how a table that is there is partitioned");
    }
    for (int i = 0; i < step.partition_by_size(); ++i) {
      if (!IsPartitionTransform(step.partition_by(i))) {
        Add(absl::StrCat(field, ".partition_by[", i, "]"),
            absl::StrCat("\"", step.partition_by(i),
                         "\" is not a column or one of year(column), month(column), day(column), "
                         "hour(column), truncate(column, width), bucket(column, count)"));
      }
    }
  }

  void CheckExport(const std::string& field, const v1::ExportStep& step) {
    CheckSql(field + ".sql", step.sql());
    CheckDatabase(field + ".default_database", step.default_database());
    if (step.format() != "csv" && step.format() != "json" && step.format() != "parquet") {
      Add(field + ".format", "must be csv, json or parquet");
    }
    if (step.file_name().empty() || step.file_name().size() > 200 ||
        step.file_name().find('/') != std::string::npos || step.file_name()[0] == '.') {
      Add(field + ".file_name",
          "must be a file's name of at most 200 characters, without a folder or a leading dot");
    }
  }

  void CheckMessage(const std::string& field, const std::string& message) {
    if (message.empty()) return Add(field, "is required");
    if (message.size() > kMaxMessageBytes) return Add(field, "is longer than 16 KiB");
    std::map<std::string, std::string> values = {
        {"pipeline", ""}, {"run", ""}, {"state", ""}, {"error", ""}};
    for (const std::string& name : parameters_) values.emplace(name, "");
    AddError(field, FillText(message, values).status());
  }

  void CheckRetry(const std::string& field, const common::v1::RetryPolicy& retry) {
    if (retry.max_attempts() < 0 || retry.max_attempts() > 20) {
      Add(field + ".max_attempts", "must be between 1 and 20");
    }
    if (retry.has_initial_backoff()) {
      const absl::Duration initial = ToDuration(retry.initial_backoff());
      if (initial < absl::Milliseconds(100) || initial > absl::Hours(1)) {
        Add(field + ".initial_backoff", "must be between 0.1 s and 1 h");
      }
    }
    if (retry.has_max_backoff()) {
      const absl::Duration longest = ToDuration(retry.max_backoff());
      if (longest < absl::Milliseconds(100) || longest > absl::Hours(6)) {
        Add(field + ".max_backoff", "must be between 0.1 s and 6 h");
      }
    }
    if (retry.multiplier() != 0 && !(retry.multiplier() >= 1 && retry.multiplier() <= 10)) {
      Add(field + ".multiplier", "must be between 1 and 10");
    }
  }

  void CheckSchedule() {
    if (!pipeline_.has_schedule()) return;
    const common::v1::Schedule& schedule = pipeline_.schedule();
    absl::StatusOr<CronSchedule> parsed =
        CronSchedule::Parse(schedule.cron(), schedule.time_zone());
    if (!parsed.ok()) {
      AddError(ErrorReason(parsed.status()) == "INVALID_TIME_ZONE" ? "schedule.time_zone"
                                                                   : "schedule.cron",
               parsed.status());
    }
    CheckCompleteness("schedule", {});
  }

  // A run that nobody asks for has nobody to give the missing values.
  void CheckCompleteness(const std::string& field, const ParameterValues& given) {
    for (const v1::PipelineParameter& parameter : pipeline_.parameters()) {
      if (parameter.has_default_value() || given.count(parameter.name()) > 0) continue;
      Add(field, absl::StrCat("cannot start a run: parameter ", parameter.name(),
                              " has no default value"));
    }
  }

  void CheckTrigger(int index) {
    const v1::EventTrigger& trigger = pipeline_.triggers(index);
    const std::string field = absl::StrCat("triggers[", index, "]");
    if (trigger.event_type().empty()) Add(field + ".event_type", "is required");
    const size_t star = trigger.subject().find('*');
    if (star != std::string::npos && star + 1 != trigger.subject().size()) {
      Add(field + ".subject", "may have a * at its end alone");
    }
    if (trigger.event_type().starts_with("tarn.transform.run.") &&
        trigger.subject() == pipeline_.name()) {
      Add(field + ".subject", "is the pipeline itself, which would run for ever");
    }
    ParameterValues given(trigger.parameters().begin(), trigger.parameters().end());
    for (const auto& [name, value] : given) {
      const std::string entry = absl::StrCat(field, ".parameters[\"", name, "\"]");
      if (parameters_.count(name) == 0) {
        Add(entry, absl::StrCat("is no parameter of the pipeline",
                                names::DidYouMean(name, {parameters_.begin(), parameters_.end()})));
        continue;
      }
      for (const v1::PipelineParameter& parameter : pipeline_.parameters()) {
        if (parameter.name() == name) AddError(entry, CheckParameterValue(parameter, value));
      }
    }
    CheckCompleteness(field, given);
  }

  const v1::Pipeline& pipeline_;
  std::set<std::string> parameters_;
  std::vector<FieldViolation> violations_;
};

}  // namespace

void NormalizePipeline(v1::Pipeline& pipeline) {
  if (pipeline.max_concurrent_runs() == 0) pipeline.set_max_concurrent_runs(1);
  pipeline.clear_owner();
  pipeline.clear_create_time();
  pipeline.clear_update_time();
  pipeline.clear_etag();
  pipeline.clear_next_run_time();
}

absl::Status ValidatePipeline(const v1::Pipeline& pipeline) { return Validator(pipeline).Run(); }

}  // namespace tarn::transform
