// What goes wrong with Kafka, as codes and sentences for the person who must act.
#include "plugins/sinks/kafka/errors.h"

namespace throng::plugins {
namespace {

// Older ones repeat the client's nonce and are refused by Kafka 4.
constexpr int kFirstWithScram = 0x020601ff;

Error AuthenticationError(const std::string& reason, const KafkaPlace& place, int library_version) {
  if (place.sasl_mechanism.starts_with("SCRAM") && library_version < kFirstWithScram) {
    return {THRONG_UNAUTHENTICATED,
            place.servers + " refuses sasl_username \"" + place.sasl_username + "\" by " +
                place.sasl_mechanism + " (" + reason + "). librdkafka " + rd_kafka_version_str() +
                " cannot do SCRAM with Kafka 4 or newer, whatever the password: put librdkafka "
                "2.6.1 or newer in its place (librdkafka.so.1; nothing is rebuilt), or use "
                "sasl_mechanism: PLAIN.",
            "sasl_mechanism"};
  }
  if (place.sasl_mechanism == "OAUTHBEARER") {
    return {THRONG_UNAUTHENTICATED,
            place.servers + " cannot be entered by OAUTHBEARER (" + reason +
                "); check oauth_token_url, oauth_client_id, oauth_client_secret and oauth_scope.",
            "oauth_client_secret"};
  }
  return {THRONG_UNAUTHENTICATED,
          place.servers + " refuses sasl_username \"" + place.sasl_username + "\" by " +
              place.sasl_mechanism + " (" + reason +
              "); check sasl_username, sasl_password and sasl_mechanism.",
          "sasl_password"};
}

}  // namespace

bool IsFencing(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
         code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

bool IsTransient(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__IN_PROGRESS:
    case RD_KAFKA_RESP_ERR__RETRY:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
      return true;
    default:
      return false;
  }
}

bool IsMissing(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
         code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

bool IsTooLarge(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
         code == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
         code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

Error LostTopicError(const KafkaPlace& place, const std::string& topic) {
  const bool is_positions = topic == place.positions_topic;
  return {
      THRONG_FAILED_PRECONDITION,
      "Topic " + topic + " at " + place.servers + " was deleted or made anew while rows went to " +
          (is_positions ? "topic " + place.topic + ", so that nobody knows which rows that holds"
                        : "it, so that rows before these are lost") +
          "; send all rows again, to another topic or after `throngctl runs positions reset`" +
          (is_positions ? "." : ", or set if_recreated: start_over and run it again."),
      is_positions ? "positions_topic" : "topic"};
}

Error UntoldPlaceError(const KafkaPlace& place, const std::string& topic) {
  return {THRONG_UNAVAILABLE, place.servers + " does not tell where it put some records of topic " +
                                  topic + ", so that they may not be there."};
}

Error TakenOverError(const KafkaPlace& place) {
  return {THRONG_FAILED_PRECONDITION,
          "Another worker of this run has taken topic " + place.topic + " over at " +
              place.servers +
              ", so this one stops; what it had not committed was rolled back. Let only one worker "
              "deliver this output."};
}

Error KafkaError(rd_kafka_resp_err_t code, const std::string& reason, const KafkaPlace& place,
                 const KafkaAccess& access, int library_version) {
  const std::string& topic = access.topic;
  const std::string name = rd_kafka_err2name(code);
  const std::string why = reason.empty() ? rd_kafka_err2str(code) : reason;
  const std::string option = topic == place.positions_topic ? "positions_topic" : "topic";
  if (IsFencing(code)) return TakenOverError(place);
  if (IsMissing(code)) {
    return {THRONG_NOT_FOUND,
            "Topic " + topic + " does not exist at " + place.servers +
                "; make it, or set create: if_missing.",
            option};
  }
  if (IsTooLarge(code)) {
    return {THRONG_INVALID_ARGUMENT,
            (topic == place.positions_topic ? "The position is larger than topic "
                                            : "A record is larger than topic ") +
                topic + " at " + place.servers + " takes; raise its max.message.bytes" +
                (topic == place.positions_topic ? "." : ", or write fewer columns."),
            option};
  }
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
      return AuthenticationError(why, place, library_version);
    case RD_KAFKA_RESP_ERR__SSL:
      return {THRONG_UNAUTHENTICATED,
              "TLS with " + place.servers + " fails: " + why +
                  "; check security_protocol, ssl_ca, ssl_certificate and ssl_key.",
              "security_protocol"};
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return {THRONG_PERMISSION_DENIED,
              place.servers + " does not allow these credentials to " + access.permission +
                  " topic " + topic + "; grant " + access.permission + " on it.",
              option};
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return {THRONG_PERMISSION_DENIED,
              place.servers + " does not allow this (" + why +
                  "); grant CREATE and IDEMPOTENT_WRITE on the cluster, or make the topics " +
                  place.topic + " and " + place.positions_topic + " and set create: never.",
              "create"};
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return {
          THRONG_PERMISSION_DENIED,
          place.servers +
              " does not allow transactions; grant DESCRIBE and WRITE on transactional ids that "
              "begin with \"throng-\", or set delivery: at_least_once.",
          "delivery"};
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
      return {THRONG_INVALID_ARGUMENT,
              "Event times of records are further from now than topic " + topic + " at " +
                  place.servers +
                  " takes; use record_timestamp: delivery, start the dataset at another time, or "
                  "raise the topic's message.timestamp.after.max.ms (in the future) or "
                  "message.timestamp.before.max.ms (in the past).",
              "record_timestamp"};
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
      return {THRONG_FAILED_PRECONDITION,
              "Topic " + topic + " at " + place.servers + " does not take the records: " + why +
                  "; look at its settings, or choose another topic.",
              option};
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return {THRONG_INVALID_ARGUMENT,
              place.servers +
                  " allows only shorter transactions (its transaction.max.timeout.ms); lower "
                  "transaction_timeout.",
              "transaction_timeout"};
    default:
      break;
  }
  if (IsTransient(code)) {
    return {THRONG_UNAVAILABLE,
            place.servers + " cannot be reached for topic " + topic + ": " + why + " (" + name +
                "); check bootstrap_servers and the brokers.",
            "bootstrap_servers"};
  }
  return {THRONG_INTERNAL,
          "Topic " + topic + " at " + place.servers + ": " + why + " (" + name + ")."};
}

}  // namespace throng::plugins
