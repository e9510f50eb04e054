// Records on their way into a topic: batches, transactions, and what became of them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugins/sinks/kafka/client.h"
#include "plugins/sinks/kafka/options.h"
#include "plugins/sinks/kafka/positions.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// Waits are short: what takes longer is UNAVAILABLE, and the same call goes on with it. ABORTED:
// all since the last commit is gone. FAILED_PRECONDITION: another producer took the place.
class KafkaProducer {
 public:
  // `partitions` of the topics; `transactional_id`: empty without transactions.
  KafkaProducer(const KafkaOptions& options, const Host& host, const std::string& transactional_id,
                const std::string& run_uid, int32_t partitions, int32_t positions_partitions,
                int64_t max_message_bytes);
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;
  // Aborts what is open.
  ~KafkaProducer();

  // Fences older producers with the same transactional id and ends their transaction.
  void Fence();
  // Hands the records over; waits for room in the queue.
  void Write(const throng_records& records);
  // Waits until all that was written is delivered.
  void Flush();
  // The ends of the partitions that have records, once flushed.
  std::map<int32_t, KafkaEnd> Ends() const;
  // Goes on counting from here.
  void SetEnds(const std::map<int32_t, KafkaEnd>& ends);
  // Makes all that was written durable together with a record of the positions topic; without a
  // value, that key is deleted. The same arguments again go on with a commit that was UNAVAILABLE.
  void Commit(const std::string& key, const std::optional<std::string>& value);
  // Whether the commit that ended as ABORTED may have taken place all the same: nothing goes on
  // before Settle.
  bool IsInDoubt() const { return state_ == State::kInDoubt; }
  // It did, and these are the ends that were committed; or it did not.
  void Settle(const std::optional<std::map<int32_t, KafkaEnd>>& ends);

 private:
  // What becomes of all since the last commit.
  enum class State {
    kIdle,            // there is nothing, and no transaction
    kOpen,            // it is written, in a transaction if there are any
    kDealt,           // and the records of the Write that is repeated are in `waiting`
    kCommitting,      // it is delivered, and the position is on its way
    kAborting,        // it is being taken back
    kAbortingCommit,  // the same while committing: it may be too late
    kInDoubt,         // that is done, and did not tell whether it was
  };

  // The records of one Write: librdkafka reads keys and values from `bytes` until all are
  // delivered.
  struct Chunk {
    std::string bytes;
    std::vector<int64_t> event_time;
    int64_t first_row = 0;
    size_t in_flight = 0;
  };
  struct Partition {
    std::vector<rd_kafka_message_t> waiting;  // for room in the queue
    size_t taken = 0;                         // of these
    KafkaEnd committed;
    KafkaEnd end;  // as delivered
    std::string last_key;
    std::string last_value;
    bool has_new = false;  // last_key and last_value are of `end`
  };

  // The first delivery since the last commit that failed.
  struct Failure {
    rd_kafka_resp_err_t code;
    std::string reason;
    std::string topic;
    bool is_lost = false;  // the topic is not there any more, or another one
  };

  bool IsTransactional() const { return !transactional_id_.empty(); }
  bool IsAborting() const { return state_ == State::kAborting || state_ == State::kAbortingCommit; }
  void Begin();
  Chunk* FreeChunk();
  void Deal(const throng_records& records);
  // Hands over what waits; false if the queue is full.
  bool Offer();
  bool OfferBatch(int32_t index, Partition* partition);
  bool OfferSingly(int32_t index, Partition* partition);
  void OnDelivery(const rd_kafka_message_t& message);
  // Throws what the deliveries so far came to, if any failed.
  void CheckDeliveries();
  // Throws what became of an abortable or fatal error.
  [[noreturn]] void GiveUp(rd_kafka_resp_err_t code, const std::string& reason);
  // Goes on taking back all since the last commit; throws ABORTED once that is done.
  [[noreturn]] void Abort();
  // A step of Abort; UNAVAILABLE if it takes longer.
  void TakeBack();
  void ThrowIfFatal() const;
  void CommitTransaction();

  const KafkaOptions& options_;
  const std::string transactional_id_;
  const std::string run_uid_;
  const int32_t positions_partitions_;
  std::vector<std::unique_ptr<Chunk>> chunks_;  // outlive the client
  std::vector<Chunk*> free_chunks_;
  std::vector<Partition> partitions_;
  State state_ = State::kIdle;
  std::string abort_reason_;  // while aborting
  size_t in_flight_ = 0;      // handed over and not yet heard of
  std::optional<Failure> failure_;
  KafkaClient client_;
  rd_kafka_topic_t* topic_;
  // Known from the start, as the client asks for topics that it meets later only once a second.
  rd_kafka_topic_t* positions_topic_;
};

}  // namespace throng::plugins
