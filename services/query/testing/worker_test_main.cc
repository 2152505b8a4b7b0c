// The main of tests that start workers: like tarn-query itself, the test's binary is its own
// worker.
#include <gtest/gtest.h>

#include "services/query/worker/worker_session.h"

int main(int argc, char** argv) {
  if (tarn::query::IsWorkerCommand(argc, argv)) return tarn::query::RunWorker(argc, argv);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
