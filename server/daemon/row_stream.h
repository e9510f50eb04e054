// What a GenerateJob or an InspectJob sends over its worker's row channel, on its way to a stream
// of the API: bytes of the response's messages that nobody parses.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/daemon/engine.h"
#include "server/daemon/workers.h"

namespace throng {

// How the worker behind a row stream came to its end: its listener tells, the stream waits.
class RowStreamEnd {
 public:
  // OK: it has sent all rows. Once.
  void Set(absl::Status status);
  absl::Status Wait() const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable is_set_;
  std::optional<absl::Status> status_;
};

class WorkerRowStream final : public RowStream {
 public:
  // How its worker ends when nobody reads any more.
  enum class Farewell { kAtOnce, kAtACommit };
  // `row_fd`: LaunchOptions.row_fd of worker `id`, from now on this stream's. The worker's listener
  // sets `end` in OnEnded. `workers` outlives this.
  WorkerRowStream(int row_fd, Workers* workers, WorkerId id, std::shared_ptr<RowStreamEnd> end,
                  Farewell farewell = Farewell::kAtOnce);
  ~WorkerRowStream() override;

  absl::StatusOr<std::optional<std::string>> Next() override;
  void Cancel() override;

 private:
  // At least one byte more into the buffer, or into `message` from `have` on and, when that is
  // full, into the buffer; how many, 0 at the end.
  size_t Read(std::string* message, size_t* have);
  absl::StatusOr<std::optional<std::string>> AtEnd(bool is_whole);
  void EndWorker();

  const int row_fd_;
  Workers* const workers_;
  const WorkerId id_;
  const std::shared_ptr<RowStreamEnd> end_;
  const Farewell farewell_;
  std::atomic<bool> is_cancelled_ = false;
  // What was read ahead: [begin_, size_) of buffer_.
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t size_ = 0;
};

}  // namespace throng
