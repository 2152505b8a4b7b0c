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
#include <absl/strings/substitute.h>
#include <absl/time/clock.h>
#include <grpcpp/security/credentials.h>

#include "tarn/ingestion/v1/ingestion_service.grpc.pb.h"

#include "common/auth/remote_token_provider.h"
#include "common/clock/clock.h"
#include "common/rpc/client.h"
#include "common/rpc/service_directory.h"
#include "common/status/status_macros.h"
#include "tests/e2e/deployment.h"
#include "tests/e2e/numbered_producer.h"
#include "tests/e2e/soak/log_disk.h"
#include "tests/e2e/soak/mqtt_broker.h"
#include "tests/e2e/tcp_proxy.h"

namespace tarn::e2e {
namespace {

using ::tarn::ingestion::v1::FlushStreamRequest;
using ::tarn::ingestion::v1::IngestionService;

constexpr int64_t kDiskBytes = 64 << 20;
// How long anything may take to recover, on a machine that is busy with other things.
constexpr absl::Duration kPatience = absl::Minutes(3);
constexpr int kVerifyEvery = 25;
// A way in, which is the name of its stream and of that's table, and how many producers use it.
struct Way {
  const char* name;
  int producers;
};
constexpr Way kWays[] = {{"put", 2}, {"ingest", 2}, {"http", 1}, {"mqtt", 1}};

constexpr char kManifests[] = R"(
apiVersion: tarn/v1
kind: Database
metadata: {name: soak}
spec: {}
---
apiVersion: tarn/v1
kind: Stream
metadata: {name: put}
spec: {table: databases/soak/tables/put, delivery: {maxDelay: 1s}}
---
apiVersion: tarn/v1
kind: Stream
metadata: {name: ingest}
spec: {table: databases/soak/tables/ingest, delivery: {maxDelay: 1s, maxBytes: 1048576}}
---
apiVersion: tarn/v1
kind: Stream
metadata: {name: http}
spec: {table: databases/soak/tables/http, delivery: {maxDelay: 1s}}
)";

// QoS 1 may bring a message twice; the fields that tell a record from others make that once.
constexpr char kMqttManifests[] = R"(
apiVersion: tarn/v1
kind: Stream
metadata: {name: mqtt}
spec: {table: databases/soak/tables/mqtt, delivery: {maxDelay: 1s}}
---
apiVersion: tarn/v1
kind: Connector
metadata: {name: soak}
spec:
  stream: streams/mqtt
  mqtt: {broker: "$0", topicFilter: soak/+}
  deduplicationFields: [device, n]
)";

struct Fault {
  std::string name;
  std::function<void()> inject;
};

struct Source {
  std::string way;
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
    to_ingestion_http_ = std::make_unique<TcpProxy>(tarn_.ingestion_http_address());
    to_catalog_ = std::make_unique<TcpProxy>(tarn_.address("catalog"));
    tarn_.RouteThrough("ingestion", to_ingestion_->address());
    tarn_.RouteThrough("catalog", to_catalog_->address());
    if (MqttBroker::Installed()) {
      broker_ = std::make_unique<MqttBroker>(tarn_.folder() + "/broker");
      to_broker_ = std::make_unique<TcpProxy>(broker_->address());
    } else {
      report_.not_tried.push_back("MQTT: mosquitto and its clients are not installed");
    }
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
  // Nobody who sends records learns that they are stored. To the broker, ingestion is the client.
  void HoldAcknowledgements();
  void CutProducers();
  // What is done while its answers are held is done, and nobody knows. Half of the time ingestion
  // is killed before it can be asked again.
  void LoseAcknowledgements();
  void LoseAnswersOfCatalog();
  void LoseTail();
  void FillDisk();
  bool Prepare();
  bool Apply(const std::string& manifests);
  std::unique_ptr<RecordWay> MakeWay(const std::string& way, const std::string& device);
  void Trial();
  void AwaitRecovery();
  absl::Status Flush(const std::string& stream);
  // How often each number of each device is in a table.
  using Rows = std::map<std::string, std::map<int64_t, int64_t>>;
  absl::StatusOr<Rows> ReadTable(const std::string& table);
  // The table of a way in when all that was sent has had its time to arrive.
  absl::StatusOr<Rows> AwaitTable(const std::string& way,
                                  const std::vector<std::vector<RecordFate>>& fates);
  void Verify();
  void Compare(const Source& source, const std::vector<RecordFate>& fates,
               const std::map<int64_t, int64_t>& rows, SoakNumbers& numbers);
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
  std::unique_ptr<TcpProxy> to_ingestion_http_;
  std::unique_ptr<TcpProxy> to_catalog_;
  std::unique_ptr<MqttBroker> broker_;  // null without one on this machine
  std::unique_ptr<TcpProxy> to_broker_;
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
      {"unacknowledged tail of the log lost", [this] { LoseTail(); }},
      {"producers' connections cut", [this] { CutProducers(); }},
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
      {"acknowledgements lost", [this] { LoseAcknowledgements(); }},
      {"answers of the catalog lost", [this] { LoseAnswersOfCatalog(); }},
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

void Soak::HoldAcknowledgements() {
  to_ingestion_->HoldAnswers(true);
  to_ingestion_http_->HoldAnswers(true);
  if (to_broker_ != nullptr) to_broker_->Hold(0);
}

void Soak::CutProducers() {
  to_ingestion_->Cut();
  to_ingestion_http_->Cut();
  if (to_broker_ != nullptr) to_broker_->Cut();
  to_ingestion_->HoldAnswers(false);
  to_ingestion_http_->HoldAnswers(false);
  if (to_broker_ != nullptr) to_broker_->Hold(-1);
}

void Soak::LoseAcknowledgements() {
  HoldAcknowledgements();
  Wait(200);
  const bool kill = Pick(0, 1) == 1;
  if (kill) Kill("ingestion");
  CutProducers();
  if (kill) Start("ingestion");
}

void Soak::LoseAnswersOfCatalog() {
  to_catalog_->HoldAnswers(true);
  Wait(1500);
  const bool kill = Pick(0, 1) == 1;
  if (kill) Kill("ingestion");
  to_catalog_->Cut();
  to_catalog_->HoldAnswers(false);
  if (kill) Start("ingestion");
}

// What is written while nobody is told of it and nothing is delivered is promised to nobody: a
// machine that loses its power may lose it.
void Soak::LoseTail() {
  to_catalog_->Refuse(true);
  to_catalog_->Cut();
  HoldAcknowledgements();
  const LogDisk::LogEnd acknowledged = disk_->End();
  Wait(200);
  Kill("ingestion");
  const std::string what = disk_->LoseTail(acknowledged, random_);
  progress_ << "  " << (what.empty() ? "nothing was written" : what) << std::endl;
  CutProducers();
  to_catalog_->Refuse(false);
  Start("ingestion");
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

bool Soak::Apply(const std::string& manifests) {
  const std::string file = tarn_.folder() + "/soak.yaml";
  std::ofstream(file) << manifests;
  const CommandResult applied = tarn_.Tarn({"apply", "-f", file});
  if (applied.exit_code != 0) Problem("tarn apply: " + applied.err);
  return applied.exit_code == 0;
}

std::unique_ptr<RecordWay> Soak::MakeWay(const std::string& way, const std::string& device) {
  if (way == "mqtt") return broker_->MakeWay("soak/" + device);
  WayTarget target{tarn_.address(), tarn_.admin_key_file(), "streams/" + way};
  if (way == "put") return MakePutRecordsWay(target);
  if (way == "ingest") return MakeIngestWay(target, device, random_());
  target.address = to_ingestion_http_->address();
  return MakeHttpWay(target);
}

bool Soak::Prepare() {
  if (!tarn_.Start()) {
    Problem("Tarn has not started");
    return false;
  }
  if (!Apply(kManifests)) return false;
  if (broker_ != nullptr && !Apply(absl::Substitute(kMqttManifests, to_broker_->address())))
    return false;
  for (const Way& way : kWays) {
    if (way.name == std::string("mqtt") && broker_ == nullptr) continue;
    for (int i = 0; i < way.producers; ++i) {
      const std::string device = absl::StrCat(way.name, i);
      sources_.push_back(
          {way.name, device,
           std::make_unique<NumberedProducer>(NumberedProducerOptions{.device = device,
                                                                      .max_records_per_batch = 20,
                                                                      .record_bytes = 2000,
                                                                      .seed = random_(),
                                                                      .max_attempts = 12},
                                              MakeWay(way.name, device))});
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

absl::StatusOr<Soak::Rows> Soak::ReadTable(const std::string& table) {
  Rows rows;
  const std::vector<std::string> lines = tarn_.Query(
      absl::StrCat("SELECT device, n, count(*) FROM soak.", table, " GROUP BY device, n"));
  for (const std::string& line : lines) {
    const std::vector<std::string> fields = absl::StrSplit(line, ',');
    int64_t number = 0;
    int64_t count = 0;
    if (fields.size() != 3 || !absl::SimpleAtoi(fields[1], &number) ||
        !absl::SimpleAtoi(fields[2], &count)) {
      return absl::InternalError(absl::StrCat("table soak.", table, " cannot be read: ", line));
    }
    rows[fields[0]][number] = count;
  }
  return rows;
}

absl::StatusOr<Soak::Rows> Soak::AwaitTable(const std::string& way,
                                            const std::vector<std::vector<RecordFate>>& fates) {
  absl::StatusOr<Rows> rows;
  // What ingestion has acknowledged is in the table after a flush; what the broker has, some time
  // later.
  const auto complete = [&] {
    rows = [&]() -> absl::StatusOr<Rows> {
      TARN_RETURN_IF_ERROR(Flush(way));
      return ReadTable(way);
    }();
    if (!rows.ok() || way != "mqtt") return true;
    for (size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i].way != way) continue;
      const std::map<int64_t, int64_t>& there = (*rows)[sources_[i].device];
      for (size_t number = 0; number < fates[i].size(); ++number) {
        if (fates[i][number] == RecordFate::kAcknowledged &&
            there.count(static_cast<int64_t>(number)) == 0) {
          return false;
        }
      }
    }
    return true;
  };
  WaitUntil(complete, kPatience);
  return rows;
}

void Soak::Verify() {
  std::vector<std::vector<RecordFate>> fates(sources_.size());
  for (size_t i = 0; i < sources_.size(); ++i) sources_[i].producer->Pause(&fates[i]);
  report_.all = {};
  report_.ways.clear();
  for (const Way& way : kWays) {
    if (way.name == std::string("mqtt") && broker_ == nullptr) continue;
    absl::StatusOr<Rows> rows = AwaitTable(way.name, fates);
    if (!rows.ok()) {
      Problem(absl::StrCat("stream ", way.name, " is not delivered: ", rows.status().ToString()));
      return;
    }
    SoakNumbers& numbers = report_.ways[way.name];
    for (size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i].way != way.name) continue;
      Compare(sources_[i], fates[i], (*rows)[sources_[i].device], numbers);
    }
    report_.all.acknowledged += numbers.acknowledged;
    report_.all.unacknowledged += numbers.unacknowledged;
    report_.all.stored += numbers.stored;
    report_.all.lost += numbers.lost;
    report_.all.doubled += numbers.doubled;
  }
  progress_ << "verified: " << NumbersText(report_.all) << std::endl;
  for (const Source& source : sources_) source.producer->Resume();
}

void Soak::Compare(const Source& source, const std::vector<RecordFate>& fates,
                   const std::map<int64_t, int64_t>& rows, SoakNumbers& numbers) {
  const auto tell = [&](int64_t number, const char* what) {
    if (numbers.lost + numbers.doubled > 10) return;
    Problem(absl::StrCat("record ", number, " of ", source.device, " ", what));
  };
  for (const auto& [number, count] : rows) {
    numbers.stored += count;
    const bool sent = number >= 0 && number < static_cast<int64_t>(fates.size());
    if (sent && count == 1) continue;
    ++numbers.doubled;
    tell(number, sent ? "is stored more than once" : "is stored and was never sent");
  }
  for (size_t number = 0; number < fates.size(); ++number) {
    if (fates[number] == RecordFate::kUnknown) {
      ++numbers.unacknowledged;
      continue;
    }
    ++numbers.acknowledged;
    if (rows.count(static_cast<int64_t>(number)) > 0) continue;
    ++numbers.lost;
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

}  // namespace tarn::e2e
