// The process that mqtt_pgtest kills: ingestion with its connectors, until it is killed. Told what
// to use by the environment (TEST_CATALOG, TEST_DSN, TEST_DIR).
#include <cstdlib>
#include <filesystem>
#include <unistd.h>

#include "common/rpc/service_directory.h"
#include "services/ingestion/testing/test_ingestion.h"

int main() {
  const std::filesystem::path dir(std::getenv("TEST_DIR"));
  tarn::ingestion::IngestionOptions options;
  options.connector_secrets_path = dir / "broker/secrets";
  options.connector_lease = absl::Seconds(3);
  tarn::ingestion::TestIngestion ingestion(
      {std::getenv("TEST_DSN"), dir / "lake", dir / "state",
       tarn::rpc::CreateChannelTo(std::getenv("TEST_CATALOG"),
                                  *tarn::rpc::ClientCredentials(false, ""))},
      options);
  for (;;) pause();
}
