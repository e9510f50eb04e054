// How brokers are reached, for the sink and the source `kafka`.
#include "plugins/sinks/kafka/connection.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace throng::plugins {
namespace {

// Properties that options stand for, or that the contract decides about.
struct Owned {
  std::string_view property;
  std::string_view remedy;
};
constexpr std::string_view kContract = "exactly-once delivery depends on it; leave it out";
constexpr std::string_view kUnused = "Throng has no use for it; leave it out";
constexpr std::string_view kRunsCode = "it makes the worker run other programs; leave it out";
constexpr Owned kOwned[] = {
    {"bootstrap.servers", "use the option bootstrap_servers"},
    {"metadata.broker.list", "use the option bootstrap_servers"},
    {"transactional.id", kContract},
    {"enable.idempotence", kContract},
    {"enable.gapless.guarantee", kContract},
    {"acks", kContract},
    {"request.required.acks", kContract},
    {"partitioner", "keys must meet those of Java's producers; leave it out"},
    {"message.timeout.ms", "use the option transaction_timeout"},
    {"delivery.timeout.ms", "use the option transaction_timeout"},
    {"transaction.timeout.ms", "use the option transaction_timeout"},
    {"delivery.report.only.error", kContract},
    {"produce.offset.report", kContract},
    {"retries", kContract},
    {"message.send.max.retries", kContract},
    {"max.in.flight", kContract},
    {"max.in.flight.requests.per.connection", kContract},
    {"isolation.level", kContract},
    {"enable.partition.eof", kContract},
    {"group.id", kUnused},
    {"enable.auto.commit", kUnused},
    {"enabled_events", kUnused},
    {"log.queue", kUnused},
    {"compression.codec", "use the option compression"},
    {"compression.type", "use the option compression"},
    {"security.protocol", "use the option security_protocol"},
    {"sasl.mechanism", "use the option sasl_mechanism"},
    {"sasl.mechanisms", "use the option sasl_mechanism"},
    {"sasl.username", "use the option sasl_username"},
    {"sasl.password", "use the option sasl_password"},
    {"sasl.oauthbearer.method", "use sasl_mechanism: OAUTHBEARER"},
    {"sasl.oauthbearer.token.endpoint.url", "use the option oauth_token_url"},
    {"sasl.oauthbearer.client.id", "use the option oauth_client_id"},
    {"sasl.oauthbearer.client.secret", "use the option oauth_client_secret"},
    {"sasl.oauthbearer.scope", "use the option oauth_scope"},
    {"ssl.ca.pem", "use the option ssl_ca"},
    {"ssl.certificate.pem", "use the option ssl_certificate"},
    {"ssl.key.pem", "use the option ssl_key"},
    {"ssl.key.password", "use the option ssl_key_password"},
    {"ssl.keystore.password", "use the options ssl_certificate and ssl_key"},
    {"sasl.kerberos.kinit.cmd", kRunsCode},
    {"plugin.library.paths", kRunsCode},
    {"ssl.engine.location", kRunsCode},
};

void CheckTopicName(const std::string& name, const std::string& option) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  const bool is_name = !name.empty() && name.size() <= 249 && name != "." && name != ".." &&
                       std::all_of(name.begin(), name.end(), is_allowed);
  if (is_name && name.starts_with("__")) {
    RefuseOption("Topics that begin with __ are Kafka's own, as " + name + "; choose another name.",
                 option);
  }
  if (is_name) return;
  RefuseOption(
      "\"" + name + "\" is no name of a topic; use 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-'.",
      option);
}

}  // namespace

void RefuseOption(const std::string& sentence, const std::string& option) {
  throw Error(THRONG_INVALID_ARGUMENT, sentence, option);
}

void KafkaConnection::ValidateConnection() const {
  CheckTopicName(topic, "topic");
  CheckTopicName(positions_topic, "positions_topic");
  if (bootstrap_servers.empty()) {
    RefuseOption("bootstrap_servers is empty; name at least one broker, as localhost:9092.",
                 "bootstrap_servers");
  }
  ValidateSasl();
  const bool has_tls =
      security_protocol == KafkaSecurity::kSsl || security_protocol == KafkaSecurity::kSaslSsl;
  if (!has_tls && (ssl_ca || ssl_certificate || ssl_key || ssl_key_password)) {
    RefuseOption(
        "ssl_ca, ssl_certificate, ssl_key and ssl_key_password are used with security_protocol "
        "ssl or sasl_ssl only; set it, or leave them out.",
        "security_protocol");
  }
  if (ssl_certificate.has_value() != ssl_key.has_value()) {
    RefuseOption("ssl_certificate and ssl_key belong together; give both or neither.",
                 ssl_key ? "ssl_certificate" : "ssl_key");
  }
  const std::unique_ptr<rd_kafka_conf_t, void (*)(rd_kafka_conf_t*)> conf(rd_kafka_conf_new(),
                                                                          rd_kafka_conf_destroy);
  if (oauth_token_url && rd_kafka_conf_set(conf.get(), "sasl.oauthbearer.method", "oidc", nullptr,
                                           0) != RD_KAFKA_CONF_OK) {
    RefuseOption(
        "sasl_mechanism OAUTHBEARER needs a librdkafka that was built with libcurl, and "
        "librdkafka " +
            std::string(rd_kafka_version_str()) +
            " here was not: put another librdkafka.so.1 in its place (nothing is rebuilt).",
        "sasl_mechanism");
  }
  for (const auto& property : client) {
    const std::string& name = property.first;
    const std::string& value = property.second;
    const auto* owned = std::find_if(std::begin(kOwned), std::end(kOwned),
                                     [&](const Owned& o) { return o.property == name; });
    if (owned != std::end(kOwned)) {
      RefuseOption("client." + name + " cannot be set: " + std::string(owned->remedy) + ".",
                   "client." + name);
    }
    char reason[256];
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason, sizeof reason) !=
        RD_KAFKA_CONF_OK) {
      RefuseOption("client." + name + ": " + reason + ". See the properties of librdkafka " +
                       rd_kafka_version_str() + ".",
                   "client." + name);
    }
  }
}

void KafkaConnection::ValidateSasl() const {
  const std::string security = kKafkaSecurities.at(static_cast<size_t>(security_protocol));
  const std::string mechanism = kKafkaMechanisms.at(static_cast<size_t>(sasl_mechanism));
  const auto check = [&](const std::string& name, bool is_set, bool is_needed) {
    if (is_set && !HasSasl()) {
      RefuseOption(
          name +
              " is used with security_protocol sasl_plaintext or sasl_ssl only; set it, or "
              "leave " +
              name + " out.",
          "security_protocol");
    }
    if (is_set && !is_needed) {
      RefuseOption(name + " is not used with sasl_mechanism " + mechanism + "; leave it out.",
                   name);
    }
    if (is_needed && !is_set) {
      RefuseOption("security_protocol " + security + " with sasl_mechanism " + mechanism +
                       " needs " + name + ".",
                   name);
    }
  };
  const bool has_token = HasSasl() && sasl_mechanism == KafkaMechanism::kOauthBearer;
  const bool has_password = HasSasl() && !has_token;
  check("sasl_username", sasl_username.has_value(), has_password);
  check("sasl_password", sasl_password.has_value(), has_password);
  check("oauth_token_url", oauth_token_url.has_value(), has_token);
  check("oauth_client_id", oauth_client_id.has_value(), has_token);
  check("oauth_client_secret", oauth_client_secret.has_value(), has_token);
  if (oauth_scope && !has_token) {
    RefuseOption("oauth_scope is used with sasl_mechanism OAUTHBEARER only; leave it out.",
                 "oauth_scope");
  }
}

KafkaPlace KafkaConnection::Place() const {
  return {
      .servers = bootstrap_servers,
      .topic = topic,
      .positions_topic = positions_topic,
      .sasl_mechanism = HasSasl() ? kKafkaMechanisms.at(static_cast<size_t>(sasl_mechanism)) : "",
      .sasl_username = sasl_username.value_or("")};
}

Map KafkaConnection::ConnectionProperties() const {
  Map all = {
      {"bootstrap.servers", bootstrap_servers},
      {"client.id", "throng"},
      {"security.protocol", kKafkaSecurities.at(static_cast<size_t>(security_protocol))},
      // A broker that restarts is found again soon.
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "500"},
      {"log.connection.close", "false"},
  };
  if (HasSasl()) {
    all.emplace_back("sasl.mechanism", kKafkaMechanisms.at(static_cast<size_t>(sasl_mechanism)));
  }
  const auto add = [&all](const char* name, const std::optional<std::string>& value) {
    if (value) all.emplace_back(name, *value);
  };
  add("sasl.username", sasl_username);
  add("sasl.password", sasl_password);
  if (oauth_token_url) all.emplace_back("sasl.oauthbearer.method", "oidc");
  add("sasl.oauthbearer.token.endpoint.url", oauth_token_url);
  add("sasl.oauthbearer.client.id", oauth_client_id);
  add("sasl.oauthbearer.client.secret", oauth_client_secret);
  add("sasl.oauthbearer.scope", oauth_scope);
  add("ssl.ca.pem", ssl_ca);
  add("ssl.certificate.pem", ssl_certificate);
  add("ssl.key.pem", ssl_key);
  add("ssl.key.password", ssl_key_password);
  return all;
}

Map KafkaConnection::ConsumerProperties(bool reads_committed) const {
  Map all = ConnectionProperties();
  all.insert(all.end(),
             {
                 {"isolation.level", reads_committed ? "read_committed" : "read_uncommitted"},
                 {"enable.partition.eof", "true"},
                 {"fetch.wait.max.ms", "50"},
                 {"allow.auto.create.topics", "false"},
                 {"auto.offset.reset", "earliest"},
             });
  all.insert(all.end(), client.begin(), client.end());
  return all;
}

}  // namespace throng::plugins
