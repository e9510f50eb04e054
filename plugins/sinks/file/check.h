// Whether what was committed of a file is still there as it was: read in the background, in several
// places at once, while rows already flow.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "plugins/sinks/digest.h"
#include "plugins/sinks/file/posix_file.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// A SHA-256 on its way: its state (Sha256::State) after so many bytes.
struct DigestMark {
  int64_t bytes = 0;
  std::string state;
};

// A running SHA-256 that marks its way, so that the bytes between two marks can be checked on their
// own. There are few marks, evenly spaced, however many bytes there are.
class MarkedSha256 {
 public:
  MarkedSha256() = default;
  // Goes on where the last mark is; nothing if these are no marks in order.
  static std::optional<MarkedSha256> After(const std::vector<DigestMark>& marks);
  void Update(std::string_view bytes);
  std::string Hex() const { return sha_.Hex(); }
  // In order; the last one is where it is.
  std::vector<DigestMark> Marks() const;
  int64_t bytes() const { return sha_.bytes(); }

 private:
  Sha256 sha_;
  std::vector<DigestMark> marks_;
  int64_t step_ = int64_t{8} << 20;  // from one to the next, in bytes
};

class CommittedCheck {
 public:
  // Begins to read the bytes before the last mark. All of it outlives this.
  CommittedCheck(const Fd& file, const std::string& path, const std::vector<DigestMark>& marks,
                 const Host& host);
  ~CommittedCheck();
  CommittedCheck(const CommittedCheck&) = delete;
  CommittedCheck& operator=(const CommittedCheck&) = delete;

  // Whether the bytes, as far as they are read, were changed. Throws if they cannot be read.
  bool FoundChange() const;
  // The same of all of them, once they are read. CANCELLED when the host wants to stop.
  bool Await();

 private:
  void Run();
  // Whether the bytes between a mark and the one before it are what they were.
  bool IsUnchanged(size_t mark, std::vector<char>* piece) const;
  bool IsOver() const { return is_abandoned_ || host_.IsCancelled(); }

  const Fd& file_;
  const std::string& path_;
  const std::vector<DigestMark> marks_;
  const Host host_;
  std::atomic<bool> is_abandoned_ = false;
  std::atomic<bool> has_failed_ = false;  // once there is a change or an error

  mutable std::mutex mutex_;
  std::condition_variable progress_;
  size_t next_ = 0;     // the mark that is taken next
  size_t checked_ = 0;  // marks
  std::optional<Error> error_;
  std::vector<std::thread> threads_;
};

}  // namespace throng::plugins
