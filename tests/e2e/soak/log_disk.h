// The disk under ingestion's state, as a fault machine needs it: small, full at will, and with a
// log whose last write was torn. One thread, which also starts the programs: they see the small
// file system because they are its children.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace tarn::e2e {

class LogDisk {
 public:
  // Where `folder` is; mounts a file system of `bytes` there, for this thread and its children
  // alone. `problem` says why when that is not possible, as without the right to mount.
  LogDisk(const std::string& folder, int64_t bytes, std::string* problem);
  ~LogDisk();  // unmounts
  LogDisk(const LogDisk&) = delete;
  LogDisk& operator=(const LogDisk&) = delete;

  bool small() const { return mounted_; }
  // Leaves fewer than `left` bytes free. Only on a small disk.
  void Fill(int64_t left);
  void Free();

  // How far the log in <folder>/wal has been written.
  struct LogEnd {
    std::string segment;  // the newest; "" when there is none
    uint64_t bytes = 0;
  };
  LogEnd End() const;

  // While no process has the log open: appends what a write that never ended leaves behind to the
  // newest segment, the beginning of a frame, or bytes of any kind. What it did; "" when there is
  // no segment.
  std::string TearTail(std::mt19937_64& random);
  // The same when nothing that was written after `acknowledged` was acknowledged or delivered:
  // loses some of it, as a machine does that loses its power. Cuts it at any byte; or flips a byte
  // or zeroes a piece of the last write, which need never have been flushed.
  std::string LoseTail(const LogEnd& acknowledged, std::mt19937_64& random);

 private:
  const std::string folder_;
  bool mounted_ = false;
};

}  // namespace tarn::e2e
