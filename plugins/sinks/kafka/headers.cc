#include "plugins/sinks/kafka/headers.h"

#include <charconv>
#include <new>

namespace throng::plugins {
namespace {

constexpr char kRow[] = "row";
constexpr size_t kHeaders = 2;

void Add(rd_kafka_headers_t* headers, const char* name, const char* value, size_t size) {
  if (rd_kafka_header_add(headers, name, -1, value, static_cast<ssize_t>(size)) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw std::bad_alloc();
  }
}

}  // namespace

rd_kafka_headers_t* KafkaHeaders::Take(int64_t row) {
  char text[20];
  const size_t size = static_cast<size_t>(std::to_chars(text, text + sizeof text, row).ptr - text);
  if (free_.empty()) {
    free_.emplace_back(rd_kafka_headers_new(kHeaders));
    Add(free_.back().get(), "run", run_uid_.data(), run_uid_.size());
  } else {
    rd_kafka_header_remove(free_.back().get(), kRow);
  }
  Add(free_.back().get(), kRow, text, size);
  rd_kafka_headers_t* const headers = free_.back().release();
  free_.pop_back();
  return headers;
}

void KafkaHeaders::GiveBackFrom(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  // Callbacks see messages as constant; librdkafka's own are not.
  if (rd_kafka_message_detach_headers(const_cast<rd_kafka_message_t*>(&message), &headers) ==
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    GiveBack(headers);
  }
}

}  // namespace throng::plugins
