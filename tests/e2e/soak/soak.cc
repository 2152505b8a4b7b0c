#include "tests/e2e/soak/soak.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <ostream>
#include <random>
#include <signal.h>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/time/clock.h>
#include <grpcpp/security/credentials.h>
#include <nlohmann/json.hpp>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "common/auth/remote_token_provider.h"
#include "common/clock/clock.h"
#include "common/rpc/client.h"
#include "common/rpc/service_directory.h"
#include "common/status/status_macros.h"
#include "tests/e2e/deployment.h"
#include "tests/e2e/numbered_producer.h"
#include "tests/e2e/soak/log_disk.h"
#include "tests/e2e/tcp_proxy.h"

namespace tarn::e2e {
namespace {

using ::tarn::ingestion::v1::FlushStreamRequest;
using ::tarn::ingestion::v1::IngestionService;

constexpr int64_t kDiskBytes = 64 << 20;
// How long anything may take to recover, on a machine that is busy with other things.
constexpr absl::Duration kPatience = absl::Minutes(3);
constexpr int kVerifyEvery = 25;
const char* const kStreams[] = {"a", "b"};
constexpr int kProducersPerStream = 2;

constexpr char kManifests[] = R"(
apiVersion: tarn/v1
kind: Database
metadata: {name: soak}
spec: {}
---
apiVersion: tarn/v1
kind: Stream
metadata: {name: a}
spec: {table: databases/soak/tables/a, delivery: {maxDelay: 1s}}
---
apiVersion: tarn/v1
kind: Stream
metadata: {name: b}
spec: {table: databases/soak/tables/b, delivery: {maxDelay: 1s, maxBytes: 1048576}}
)";

struct Fault {
  std::string name;
  std::function<void()> inject;
};

struct Source {
  std::string table;
  std::string device;
  std::unique_ptr<NumberedProducer> producer;
};

class Soak {
 public:
  Soak(const SoakOptions& options, std::ostream& progress)
      : options_(options), progress_(progress), random_(options.seed) {
    report_.seed = options.seed;
    std::string problem;
    disk_ = std::make_unique<LogDisk>(tarn_.folder() + "/state-ingestion", kDiskBytes, &problem);
    if (!problem.empty()) report_.not_tried.push_back(problem);
    to_ingestion_ = std::make_unique<TcpProxy>(tarn_.address("ingestion"));
    to_catalog_ = std::make_unique<TcpProxy>(tarn_.address("catalog"));
    tarn_.RouteThrough("ingestion", to_ingestion_->address());
    tarn_.RouteThrough("catalog", to_catalog_->address());
    MakeFaults();
  }

  SoakReport Run() {
    const absl::Time begin = absl::Now();
    if (Prepare()) {
      while (report_.trials < options_.trials && absl::Now() - begin < options_.max_duration &&
             report_.ok()) {
        Trial();
        if (report_.trials % kVerifyEvery == 0) Verify();
      }
      if (report_.problems.empty()) Verify();
    }
    report_.seconds = absl::ToDoubleSeconds(absl::Now() - begin);
    sources_.clear();
    if (options_.keep || !report_.ok()) Keep();
    return report_;
  }

 private:
  int Pick(int least, int most) { return std::uniform_int_distribution<int>(least, most)(random_); }
  // Faults have to meet the work at other places each time.
  void Wait(int most_ms) { absl::SleepFor(absl::Milliseconds(Pick(0, most_ms))); }
  void Problem(const std::string& what) {
    progress_ << "  " << what << std::endl;
    report_.problems.push_back(what);
  }

  void Kill(const std::string& program) {
    tarn_.Kill(program);
    ++report_.kills;
  }
  void Start(const std::string& program) {
    if (!tarn_.StartProgram(program)) Problem(program + " has not started again");
  }
  void KillPostgres() {
    const pid_t killed = tarn_.PostgresPid();
    if (killed == 0) return;
    tarn_.KillPostgres();
    ++report_.kills;
    if (!WaitUntil(
            [&] {
              const pid_t now = tarn_.PostgresPid();
              return now > 0 && now != killed;
            },
            kPatience)) {
      Problem("PostgreSQL was not started again");
    }
  }

  void MakeFaults();
  // What is done while its answers are held is done, and nobody knows. Half of the time those who
  // asked are killed before they can ask again.
  void LoseAnswers(TcpProxy& proxy, int most_ms);
  void FillDisk();
  bool Prepare();
  void Trial();
  void AwaitRecovery();
  absl::Status Flush(const std::string& stream);
  void Verify();
  void Compare(const Source& source, const std::vector<RecordFate>& fates,
               const std::map<int64_t, int64_t>& rows);
  void Keep();

  const SoakOptions options_;
  std::ostream& progress_;
  std::mt19937_64 random_;
  SoakReport report_;
  Deployment tarn_{
      Form::kSixProcesses,
      {.flags = {{"ingestion.wal_segment_size", "1MiB"}, {"ingestion.wal_cache_size", "1MiB"}},
       .postgres_survives_kill = true}};
  std::unique_ptr<LogDisk> disk_;
  std::unique_ptr<TcpProxy> to_ingestion_;
  std::unique_ptr<TcpProxy> to_catalog_;
  std::vector<Fault> faults_;
  std::vector<Source> sources_;
};

void Soak::MakeFaults() {
  faults_ = {
      {"ingestion killed",
       [this] {
         Kill("ingestion");
         Start("ingestion");
       }},
      {"tail of the log torn",
       [this] {
         Kill("ingestion");
         disk_->TearTail(random_);
         Start("ingestion");
       }},
      {"ingestion stopped",
       [this] {
         if (const int code = tarn_.Stop("ingestion"); code != 0)
           Problem(absl::StrCat("ingestion ended with ", code, " on SIGTERM"));
         Start("ingestion");
       }},
      {"catalog killed",
       [this] {
         Kill("catalog");
         Wait(300);
         Start("catalog");
       }},
      {"PostgreSQL killed", [this] { KillPostgres(); }},
      {"PostgreSQL and ingestion killed",
       [this] {
         Kill("ingestion");
         KillPostgres();
         Start("ingestion");
       }},
      {"producers' connections cut", [this] { to_ingestion_->Cut(); }},
      {"catalog's connections cut", [this] { to_catalog_->Cut(); }},
      {"catalog out of reach",
       [this] {
         to_catalog_->Refuse(true);
         to_catalog_->Cut();
         Wait(1500);
         if (Pick(0, 1) == 1) {
           Kill("ingestion");
           Start("ingestion");
         }
         to_catalog_->Refuse(false);
       }},
      {"acknowledgements lost", [this] { LoseAnswers(*to_ingestion_, 200); }},
      {"answers of the catalog lost", [this] { LoseAnswers(*to_catalog_, 1500); }},
      {"requests to the catalog cut short",
       [this] {
         to_catalog_->Hold(Pick(0, 4000));
         Wait(1500);
         to_catalog_->Cut();
         to_catalog_->Hold(-1);
       }},
  };
  if (disk_->small()) faults_.push_back({"disk full", [this] { FillDisk(); }});
}

void Soak::LoseAnswers(TcpProxy& proxy, int most_ms) {
  proxy.HoldAnswers(true);
  Wait(most_ms);
  const bool kill = Pick(0, 1) == 1;
  if (kill) Kill("ingestion");
  proxy.Cut();
  proxy.HoldAnswers(false);
  if (kill) Start("ingestion");
}

void Soak::FillDisk() {
  disk_->Fill(Pick(0, 64 * 1024));
  WaitUntil(
      [this] {
        for (const Source& source : sources_) {
          if (source.producer->last_error() == "DISK_FULL") return true;
        }
        return false;
      },
      absl::Seconds(3));
  Wait(300);
  const bool kill = Pick(0, 1) == 1;
  if (kill) Kill("ingestion");
  disk_->Free();
  if (kill) Start("ingestion");
}

bool Soak::Prepare() {
  if (!tarn_.Start()) {
    Problem("Tarn has not started");
    return false;
  }
  const std::string file = tarn_.folder() + "/soak.yaml";
  std::ofstream(file) << kManifests;
  if (const CommandResult applied = tarn_.Tarn({"apply", "-f", file}); applied.exit_code != 0) {
    Problem("tarn apply: " + applied.err);
    return false;
  }
  for (const char* stream : kStreams) {
    for (int i = 0; i < kProducersPerStream; ++i) {
      const std::string device = absl::StrCat(stream, i);
      sources_.push_back({stream, device,
                          std::make_unique<NumberedProducer>(
                              NumberedProducerOptions{.address = tarn_.address(),
                                                      .key_file = tarn_.admin_key_file(),
                                                      .stream = absl::StrCat("streams/", stream),
                                                      .device = device,
                                                      .max_records_per_batch = 20,
                                                      .record_bytes = 2000,
                                                      .seed = random_(),
                                                      .max_attempts = 12})});
    }
  }
  AwaitRecovery();
  return report_.ok();
}

void Soak::Trial() {
  const absl::Time begin = absl::Now();
  std::vector<std::string> names;
  // One in five is two faults, one right after the other.
  for (int left = Pick(0, 4) == 0 ? 2 : 1; left > 0; --left) {
    const Fault& fault =
        faults_[static_cast<size_t>(Pick(0, static_cast<int>(faults_.size()) - 1))];
    names.push_back(fault.name);
    ++report_.faults[fault.name];
    fault.inject();
    Wait(200);
  }
  ++report_.trials;
  AwaitRecovery();
  progress_ << "trial " << report_.trials << ": " << absl::StrJoin(names, ", then ") << " ("
            << absl::ToInt64Milliseconds(absl::Now() - begin) << " ms)" << std::endl;
}

// Every producer gets records acknowledged again.
void Soak::AwaitRecovery() {
  std::vector<int64_t> before;
  for (const Source& source : sources_) before.push_back(source.producer->acknowledged());
  size_t waiting = 0;
  const bool recovered = WaitUntil(
      [&] {
        while (waiting < sources_.size() &&
               sources_[waiting].producer->acknowledged() > before[waiting]) {
          ++waiting;
        }
        return waiting == sources_.size();
      },
      kPatience);
  if (!recovered) {
    Problem(absl::StrCat("nothing is acknowledged to producer ", sources_[waiting].device,
                         " any more: ", sources_[waiting].producer->last_error()));
  }
}

absl::Status Soak::Flush(const std::string& stream) {
  auto channel = rpc::CreateChannelTo(tarn_.address(), grpc::InsecureChannelCredentials());
  auth::RemoteTokenProvider tokens([&] { return channel; }, tarn_.admin_key_file(), SystemClock());
  auto stub = IngestionService::NewStub(channel);
  FlushStreamRequest request;
  request.set_name("streams/" + stream);
  request.mutable_timeout()->set_seconds(30);
  absl::Status status;
  WaitUntil(
      [&] {
        status = [&]() -> absl::Status {
          TARN_ASSIGN_OR_RETURN(std::string token, tokens.ServiceToken());
          return rpc::Call(*stub, &IngestionService::Stub::FlushStream, request, {.token = token},
                           {.timeout = absl::Seconds(60)})
              .status();
        }();
        return status.ok();
      },
      kPatience);
  return status;
}

void Soak::Verify() {
  std::vector<std::vector<RecordFate>> fates(sources_.size());
  for (size_t i = 0; i < sources_.size(); ++i) sources_[i].producer->Pause(&fates[i]);
  report_.acknowledged = report_.unacknowledged = report_.stored = 0;
  report_.lost = report_.doubled = 0;
  for (const char* stream : kStreams) {
    if (absl::Status flushed = Flush(stream); !flushed.ok()) {
      Problem(absl::StrCat("stream ", stream, " is not delivered: ", flushed.ToString()));
      return;
    }
    std::map<std::string, std::map<int64_t, int64_t>> rows;
    const std::vector<std::string> lines = tarn_.Query(
        absl::StrCat("SELECT device, n, count(*) FROM soak.", stream, " GROUP BY device, n"));
    for (const std::string& line : lines) {
      const std::vector<std::string> fields = absl::StrSplit(line, ',');
      int64_t number = 0;
      int64_t count = 0;
      if (fields.size() != 3 || !absl::SimpleAtoi(fields[1], &number) ||
          !absl::SimpleAtoi(fields[2], &count)) {
        Problem(absl::StrCat("table soak.", stream, " cannot be read: ", line));
        return;
      }
      rows[fields[0]][number] = count;
    }
    for (size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i].table == stream) Compare(sources_[i], fates[i], rows[sources_[i].device]);
    }
  }
  progress_ << "verified: " << report_.acknowledged << " acknowledged, " << report_.stored
            << " stored, " << report_.lost << " lost, " << report_.doubled << " doubled"
            << std::endl;
  for (const Source& source : sources_) source.producer->Resume();
}

void Soak::Compare(const Source& source, const std::vector<RecordFate>& fates,
                   const std::map<int64_t, int64_t>& rows) {
  const auto tell = [&](int64_t number, const char* what) {
    if (report_.lost + report_.doubled > 10) return;
    Problem(absl::StrCat("record ", number, " of ", source.device, " ", what));
  };
  for (const auto& [number, count] : rows) {
    report_.stored += count;
    const bool sent = number >= 0 && number < static_cast<int64_t>(fates.size());
    if (sent && count == 1) continue;
    ++report_.doubled;
    tell(number, sent ? "is stored more than once" : "is stored and was never sent");
  }
  for (size_t number = 0; number < fates.size(); ++number) {
    if (fates[number] == RecordFate::kUnknown) {
      ++report_.unacknowledged;
      continue;
    }
    ++report_.acknowledged;
    if (rows.count(static_cast<int64_t>(number)) > 0) continue;
    ++report_.lost;
    tell(static_cast<int64_t>(number), "was acknowledged and is lost");
  }
}

void Soak::Keep() {
  namespace fs = std::filesystem;
  tarn_.StopPrograms();
  tarn_.StopPostgres();
  report_.folder = absl::StrCat(fs::temp_directory_path().string(), "/tarn-soak-", options_.seed,
                                "-", ::getpid());
  std::error_code error;
  fs::create_directories(report_.folder, error);
  for (const fs::directory_entry& entry : fs::directory_iterator(tarn_.folder())) {
    // PostgreSQL's own folder has sockets, which cannot be copied; its data is not what is in
    // doubt.
    if (entry.path().filename() == "postgres") continue;
    fs::copy(entry.path(), fs::path(report_.folder) / entry.path().filename(),
             fs::copy_options::recursive, error);
    if (error) progress_ << entry.path() << " is not kept: " << error.message() << std::endl;
  }
}

}  // namespace

SoakReport RunSoak(const SoakOptions& options, std::ostream& progress) {
  return Soak(options, progress).Run();
}

std::string SoakText(const SoakReport& report) {
  std::string text = absl::StrCat("soak: ", report.trials, " trials, ", report.kills, " kills, ",
                                  report.acknowledged, " acknowledged, ", report.unacknowledged,
                                  " given up, ", report.stored, " stored, ", report.lost, " lost, ",
                                  report.doubled, " doubled; seed ", report.seed, ", ",
                                  static_cast<int64_t>(report.seconds), " s\n");
  for (const std::string& reason : report.not_tried)
    absl::StrAppend(&text, "not tried: ", reason, "\n");
  for (const std::string& problem : report.problems)
    absl::StrAppend(&text, "problem: ", problem, "\n");
  if (!report.folder.empty()) absl::StrAppend(&text, "data and logs are in ", report.folder, "\n");
  return text;
}

std::string SoakJson(const SoakReport& report) {
  return nlohmann::json{{"seed", report.seed},
                        {"trials", report.trials},
                        {"kills", report.kills},
                        {"faults", report.faults},
                        {"acknowledged", report.acknowledged},
                        {"unacknowledged", report.unacknowledged},
                        {"stored", report.stored},
                        {"lost", report.lost},
                        {"doubled", report.doubled},
                        {"problems", report.problems},
                        {"not_tried", report.not_tried},
                        {"seconds", report.seconds},
                        {"folder", report.folder}}
      .dump(2);
}

}  // namespace tarn::e2e
