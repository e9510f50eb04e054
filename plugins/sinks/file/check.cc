#include "plugins/sinks/file/check.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace throng::plugins {
namespace {

constexpr size_t kMostMarks = 32;
constexpr size_t kReadBytes = size_t{1} << 20;
constexpr size_t kMostThreads = 4;  // as fast as most disks, and a few cores remain for rows
constexpr auto kPoll = std::chrono::milliseconds(20);

}  // namespace

std::optional<MarkedSha256> MarkedSha256::After(const std::vector<DigestMark>& marks) {
  MarkedSha256 marked;
  int64_t bytes = 0;
  for (const DigestMark& mark : marks) {
    const auto sha = Sha256::After(mark.bytes, mark.state);
    if (!sha || mark.bytes < bytes) return std::nullopt;
    marked.step_ = std::max(marked.step_, mark.bytes - bytes);
    bytes = mark.bytes;
    marked.sha_ = *sha;
  }
  marked.marks_ = marks;
  return marked;
}

void MarkedSha256::Update(std::string_view bytes) {
  sha_.Update(bytes);
  if (sha_.bytes() - (marks_.empty() ? 0 : marks_.back().bytes) < step_) return;
  marks_.push_back({sha_.bytes(), sha_.State()});
  if (marks_.size() < kMostMarks) return;
  for (size_t i = 0; 2 * i + 1 < marks_.size(); ++i) marks_[i] = std::move(marks_[2 * i + 1]);
  marks_.resize(marks_.size() / 2);
  step_ *= 2;
}

std::vector<DigestMark> MarkedSha256::Marks() const {
  std::vector<DigestMark> marks = marks_;
  marks.push_back({sha_.bytes(), sha_.State()});
  return marks;
}

CommittedCheck::CommittedCheck(const Fd& file, const std::string& path,
                               const std::vector<DigestMark>& marks, const Host& host)
    : file_(file), path_(path), marks_(marks), host_(host) {
  const size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const size_t threads = std::min({cores, marks_.size(), kMostThreads});
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

CommittedCheck::~CommittedCheck() {
  is_abandoned_ = true;
  for (std::thread& thread : threads_) thread.join();
}

void CommittedCheck::Run() {
  std::vector<char> piece(kReadBytes);
  std::unique_lock lock(mutex_);
  while (next_ < marks_.size() && !has_failed_ && !IsOver()) {
    const size_t mark = next_++;
    lock.unlock();
    bool is_unchanged = false;
    std::optional<Error> error;
    try {
      is_unchanged = IsUnchanged(mark, &piece);
    } catch (const Error& failed) {
      error = failed;
    }
    lock.lock();
    if (is_unchanged) {
      ++checked_;
    } else if (!IsOver()) {
      if (error && !error_) error_ = std::move(error);
      has_failed_ = true;
    }
    progress_.notify_all();
  }
}

bool CommittedCheck::IsUnchanged(size_t mark, std::vector<char>* piece) const {
  int64_t at = mark == 0 ? 0 : marks_[mark - 1].bytes;
  const int64_t end = marks_[mark].bytes;
  Sha256 sha = mark == 0 ? Sha256() : *Sha256::After(at, marks_[mark - 1].state);
  while (at < end) {
    if (IsOver()) return false;
    const auto wanted = static_cast<size_t>(std::min<int64_t>(kReadBytes, end - at));
    const size_t size = ReadAt(file_, piece->data(), wanted, at, path_);
    if (size == 0) return false;
    sha.Update({piece->data(), size});
    at += static_cast<int64_t>(size);
  }
  return sha.State() == marks_[mark].state;
}

bool CommittedCheck::FoundChange() const {
  if (!has_failed_) return false;
  const std::lock_guard lock(mutex_);
  if (error_) throw Error(*error_);
  return true;
}

bool CommittedCheck::Await() {
  {
    std::unique_lock lock(mutex_);
    while (checked_ < marks_.size() && !has_failed_) {
      if (IsOver()) {
        throw Error(THRONG_CANCELLED, "Stopped while " + path_ + " was read to go on with it.");
      }
      progress_.wait_for(lock, kPoll);
    }
  }
  return FoundChange();
}

}  // namespace throng::plugins
