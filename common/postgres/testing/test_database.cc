#include "common/postgres/testing/test_database.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <unistd.h>

#include <sys/file.h>

#include "common/postgres/private_cluster.h"

namespace tarn {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "tarn-test-pg-";

[[noreturn]] void Die(const std::string& what, const absl::Status& status) {
  std::fprintf(stderr, "test database: %s: %s\n", what.c_str(), status.ToString().c_str());
  std::_Exit(2);
}

void Check(const std::string& what, const absl::Status& status) {
  if (!status.ok()) Die(what, status);
}

fs::path BaseDirectory() {
  std::error_code error;
  fs::space_info space = fs::space("/dev/shm", error);
  if (!error && space.available > (1ULL << 30) && access("/dev/shm", W_OK) == 0) return "/dev/shm";
  return fs::temp_directory_path();
}

void RemoveAbandoned(const fs::path& base) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(base, error)) {
    if (entry.path().filename().string().rfind(kPrefix, 0) == 0 &&
        PrivateCluster::IsAbandoned(entry.path())) {
      std::error_code ignored;  // another test's janitor may be at it
      fs::remove_all(entry.path(), ignored);
    }
  }
}

class TestCluster {
 public:
  static TestCluster& Get() {
    static TestCluster cluster;
    return cluster;
  }

  ~TestCluster() {
    admin_.reset();
    cluster_.reset();
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }

  std::string Create(TestDatabase::Migrate migrate) {
    std::lock_guard lock(mutex_);
    std::string from = migrate == nullptr ? "template0" : Template(migrate);
    std::string name = "test_" + std::to_string(++databases_);
    CreateFrom(name, from);
    return name;
  }

  void Drop(const std::string& name) {
    Check("dropping " + name, Admin("DROP DATABASE " + name + " WITH (FORCE)"));
  }

  std::string Dsn(const std::string& name) const { return cluster_->Dsn(name); }

  absl::Status Admin(const std::string& sql) {
    return admin_->RunAutocommit([&](Transaction& txn) -> absl::Status {
      txn.Exec(sql);
      return absl::OkStatus();
    });
  }

 private:
  TestCluster() {
    const fs::path base = BaseDirectory();
    RemoveAbandoned(base);
    // A janitor may take the directory in the instant before its lock is held: then again.
    for (int attempt = 0; attempt < 5 && cluster_ == nullptr; ++attempt) {
      dir_ = base / (kPrefix + std::to_string(getpid()) + "-" + std::to_string(attempt));
      auto cluster = PrivateCluster::Start(
          dir_,
          {.durable = false, .max_connections = 200, .shared_buffers = "64MB", .database = ""});
      if (cluster.ok()) {
        cluster_ = *std::move(cluster);
      } else if (attempt == 4) {
        Die("starting PostgreSQL", cluster.status());
      }
    }
    admin_ = std::make_unique<PostgresPool>(
        PostgresPoolOptions{.dsn = cluster_->Dsn("postgres"), .max_connections = 4});
  }

  void CreateFrom(const std::string& name, const std::string& from) {
    Check("creating " + name, Admin("CREATE DATABASE " + name + " TEMPLATE " + from));
  }

  std::string Template(TestDatabase::Migrate migrate) {
    std::string& name = templates_[migrate];
    if (!name.empty()) return name;
    std::string fresh = "template_" + std::to_string(templates_.size());
    CreateFrom(fresh, "template0");
    {
      PostgresPool pool({.dsn = Dsn(fresh), .max_connections = 2});
      Check("migrating", migrate(pool));
    }
    return name = fresh;
  }

  fs::path dir_;
  std::unique_ptr<PrivateCluster> cluster_;
  std::unique_ptr<PostgresPool> admin_;
  std::mutex mutex_;
  std::map<TestDatabase::Migrate, std::string> templates_;
  int databases_ = 0;
};

}  // namespace

TestDatabase::TestDatabase(Migrate migrate)
    : name_(TestCluster::Get().Create(migrate)),
      dsn_(TestCluster::Get().Dsn(name_)),
      pool_(std::make_unique<PostgresPool>(PostgresPoolOptions{.dsn = dsn_})) {}

TestDatabase::~TestDatabase() {
  pool_.reset();
  TestCluster::Get().Drop(name_);
}

void TestDatabase::BreakConnections() {
  Check("breaking connections",
        TestCluster::Get().Admin(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '" +
            name_ + "'"));
}

}  // namespace tarn
