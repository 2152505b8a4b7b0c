// How many calls may wait at the same time: each holds a thread of the server and asks PostgreSQL
// again and again. Thread safe.
#pragma once

#include <atomic>

namespace tarn::transform {

class WaitingCalls {
 public:
  explicit WaitingCalls(int limit) : free_(limit) {}

  // A place among them for as long as it lives, where one was free.
  class Place {
   public:
    explicit Place(WaitingCalls& calls) : calls_(calls), taken_(--calls.free_ >= 0) {}
    ~Place() { ++calls_.free_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    bool taken() const { return taken_; }

   private:
    WaitingCalls& calls_;
    const bool taken_;
  };

 private:
  std::atomic<int> free_;
};

}  // namespace tarn::transform
