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
#include "plugins/sinks/kafka/record_queue.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

// A producer is of no use any more, though its output may be: another one can take its place. What
// it was about to commit may have been committed.
class ProducerLost : public Error {
 public:
  enum class Why {
    kFenced,    // by another worker, or by the brokers, whose clock ended its transaction
    kTooLarge,  // a record, or a batch by what the topic took when this was made
    kMissing,   // a topic, as the brokers say
    kBroken
  };
  ProducerLost(const Error& error, Why why) : Error(error), why_(why) {}
  Why why() const { return why_; }

 private:
  Why why_;
};

// Waits are short: what takes longer is UNAVAILABLE, and the same call goes on with it. ABORTED:
// all since the last commit is gone. Throws ProducerLost where nothing goes on with this one.
class KafkaProducer {
 public:
  // `partitions` of the topics; `transactional_id`: empty without transactions.
  KafkaProducer(const KafkaOptions& options, const Host& host, const std::string& transactional_id,
                const std::string& run_uid, int32_t partitions, int32_t positions_partitions,
                const KafkaLimits& limits);
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

 private:
  // What becomes of all since the last commit.
  enum class State {
    kIdle,        // there is nothing, and no transaction
    kOpen,        // it is written, in a transaction if there are any
    kDealt,       // and the records of the Write that is repeated wait in the queue
    kCommitting,  // it is delivered, and the position is on its way
    kAborting,    // it is being taken back
  };

  struct Partition {
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
    std::optional<Error> error = {};  // where librdkafka has no code for it
  };

  bool IsTransactional() const { return !transactional_id_.empty(); }
  void Begin();
  void Deal(const throng_records& records);
  // Hands over what waits; false if the queue is full.
  bool Offer();
  void OnDelivery(const rd_kafka_message_t& message);
  // Calls OnDelivery for what was delivered; waits for it at most so long.
  void Poll(int ms);
  // Throws what the deliveries so far came to, if any failed.
  void CheckDeliveries();
  // Throws what became of a transaction that ended by itself, which shows in no delivery.
  void CheckTransaction();
  // After a wait that came to nothing: throws why, as far as it can be told.
  [[noreturn]] void FailStalled(rd_kafka_resp_err_t code, const std::string& reason,
                                const std::string& topic);
  // Throws what became of an error that is not retriable, met with that topic.
  [[noreturn]] void GiveUp(rd_kafka_resp_err_t code, const std::string& reason,
                           const std::string& topic);
  // Goes on taking back all since the last commit; throws ABORTED once that is done.
  [[noreturn]] void Abort();
  // A step of Abort; UNAVAILABLE if it takes longer.
  void TakeBack();
  void ThrowIfFatal() const;
  void CommitTransaction();

  const KafkaOptions& options_;
  const std::string transactional_id_;
  const int32_t positions_partitions_;
  const Metrics metrics_;
  RecordQueue queue_;  // outlives the client
  std::vector<Partition> partitions_;
  State state_ = State::kIdle;
  std::string abort_reason_;  // while aborting
  size_t in_flight_ = 0;      // handed over and not yet heard of
  size_t heard_of_ = 0;       // and heard of
  size_t counted_ = 0;        // of these, as the host knows
  std::optional<Failure> failure_;
  KafkaClient client_;
  rd_kafka_topic_t* topic_;
  // Known from the start, as the client asks for topics that it meets later only once a second.
  rd_kafka_topic_t* positions_topic_;
};

}  // namespace throng::plugins
