#include "server/daemon/stream_pump.h"

namespace throng {

StreamPump::StreamPump(size_t most) : most_(most), thread_([this] { Work(); }) {}

StreamPump::~StreamPump() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

bool StreamPump::Add(Stream* stream) {
  const std::lock_guard lock(mutex_);
  if (streams_ == most_) return false;
  ++streams_;
  stream->pump_ = this;
  Queue(stream);
  return true;
}

void StreamPump::Queue(Stream* stream) {
  stream->is_busy_ = true;
  queue_.push_back(stream);
  changed_.notify_all();
}

void StreamPump::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_over_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Stream* const stream = queue_.front();
    queue_.pop_front();
    stream->is_woken_ = false;
    lock.unlock();
    const Stream::Next next = stream->Step();
    lock.lock();
    switch (next) {
      case Stream::Next::kWait:
        stream->is_busy_ = false;
        if (stream->is_woken_) Queue(stream);
        break;
      case Stream::Next::kWrite:
        lock.unlock();
        stream->Write();
        lock.lock();
        break;
      case Stream::Next::kEnd:
        stream->has_ended_ = true;
        --streams_;
        lock.unlock();
        stream->End();
        lock.lock();
        break;
    }
  }
}

void StreamPump::Stream::Wake() {
  if (pump_ == nullptr) return;  // there was no room for it
  const std::lock_guard lock(pump_->mutex_);
  if (has_ended_) return;
  is_woken_ = true;
  if (!is_busy_) pump_->Queue(this);
}

void StreamPump::Stream::Written() {
  const std::lock_guard lock(pump_->mutex_);
  is_busy_ = false;
  if (is_woken_) pump_->Queue(this);
}

}  // namespace throng
